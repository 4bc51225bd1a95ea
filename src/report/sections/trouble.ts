import { eventWords } from "../../run-model/event-words.js";
import { safeText } from "../../text/safe-text.js";
import type { Block } from "../blocks.js";
import type { Incident, ReportData } from "../report-data.js";

/** What went wrong, near the top: figures of a run that did not end well are read with it. */
export function troubleSection(data: ReportData): Block[] {
  const blocks: Block[] = [];
  if (data.finished === null) {
    blocks.push({ kind: "warning", text: "The run has not finished: figures may still change." });
  } else if (data.finished.outcome !== "done") {
    const message = safeText(data.finished.message);
    blocks.push({
      kind: "warning",
      text: `The run ended ${data.finished.outcome}${message === "" ? "." : `: ${message}`}`,
    });
  }
  const items = [
    ...data.trials.flatMap(({ name, failure }) =>
      failure === null ? [] : [`${name} failed: ${safeText(failure.message)}`],
    ),
    ...data.incidents.map(
      (event) => `${event.trial === null ? "" : `${event.trial}: `}${safeText(wordsOf(event))}`,
    ),
    ...data.trials.flatMap(({ name, steps }) => {
      const failed = steps.reduce((sum, step) => sum + step.failed, 0);
      return failed === 0
        ? []
        : [`${name}: ${failed} rewards failed; those episodes were left out`];
    }),
  ];
  if (items.length > 0) {
    blocks.push({ kind: "list", items });
  }
  return blocks;
}

function wordsOf(event: Incident): string {
  const { text } = eventWords(event)!;
  return event.type === "run_resumed" ? `${text} (${event.time})` : text;
}
