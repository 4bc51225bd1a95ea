import type { Block } from "../blocks.js";
import type { ReportData } from "../report-data.js";
import { safeText } from "../safe-text.js";

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
    ...data.warnings.map(
      ({ trial, message }) => `${trial === null ? "" : `${trial}: `}${safeText(message)}`,
    ),
  ];
  if (items.length > 0) {
    blocks.push({ kind: "list", items });
  }
  return blocks;
}
