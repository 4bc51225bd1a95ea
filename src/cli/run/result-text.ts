import type { Evaluation } from "../../analysis/evaluation.js";
import { cautionLines, conclusionLines } from "../../report/conclusion-words.js";
import { renderTable } from "../../report/table.js";
import { safeText } from "../../text/safe-text.js";
import type { Terminal } from "../terminal.js";

/** The table of results and the lines that conclude from it, for the terminal. */

export function resultText(evaluation: Evaluation, terminal: Terminal): string {
  const { columns: width, unicode, color } = terminal;
  const table = renderTable(evaluation, { width, unicode, color });
  const { conclusion } = evaluation;
  const said = [
    ...conclusionLines(conclusion),
    ...cautionLines(conclusion).map((line) => `warning: ${line}`),
  ];
  return [table, "", ...said.map((line) => safeText(line))].join("\n");
}
