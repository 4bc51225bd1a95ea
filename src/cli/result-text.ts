/** The table of results and the lines that conclude from it, for the terminal. */
import type { Evaluation } from "../experiment/evaluation.js";
import { safeText } from "../report/safe-text.js";
import { renderTable } from "../report/table.js";
import type { Terminal } from "./terminal.js";

export function resultText(evaluation: Evaluation, terminal: Terminal): string {
  const { columns: width, unicode, color } = terminal;
  const table = renderTable(evaluation, { width, unicode, color });
  return [table, "", ...evaluation.conclusion.map((line) => safeText(line))].join("\n");
}
