import type { Evaluation } from "../../analysis/evaluation.js";
import { renderTable } from "../../report/table.js";
import { safeText } from "../../text/safe-text.js";
import type { Terminal } from "../terminal.js";

/** The table of results and the lines that conclude from it, for the terminal. */

export function resultText(evaluation: Evaluation, terminal: Terminal): string {
  const { columns: width, unicode, color } = terminal;
  const table = renderTable(evaluation, { width, unicode, color });
  return [table, "", ...evaluation.conclusion.map((line) => safeText(line))].join("\n");
}
