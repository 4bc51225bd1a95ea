import { iterationPoint } from "../../text/iterations.js";
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
  switch (event.type) {
    case "warning":
      return event.message;
    case "run_resumed":
      return `the run was stopped and resumed on ${event.time}`;
    case "worker_lost":
      return `${event.message}; restart ${event.restarts}, from ${iterationPoint(event.from)}`;
    case "checkpoint_failed":
      return `checkpoint at iteration ${event.step} not saved: ${event.message}`;
    case "checkpoint_damaged":
      return `checkpoint at iteration ${event.step} damaged: ${event.message}`;
  }
}
