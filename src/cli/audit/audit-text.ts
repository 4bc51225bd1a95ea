/** An audit on the terminal. */
import type { AuditDescription } from "../../report/audit/audit-description.js";
import { AuditFigures } from "../../report/audit/audit-figures.js";
import {
  boundsTable,
  comparisonsTable,
  figuresTable,
  promptScoreTable,
  worstTable,
} from "../../report/audit/audit-tables.js";
import { auditConclusion, auditNotes, readWords } from "../../report/audit/audit-words.js";
import type { TableContent } from "../../report/blocks.js";
import { terminalStyle } from "../../text/grid.js";
import { safeText } from "../../text/safe-text.js";
import { wrapText } from "../../text/width.js";
import { asciiIfNeeded, printedTable } from "../printed-table.js";
import type { Terminal } from "../terminal.js";

export function auditText(description: AuditDescription, terminal: Terminal): string {
  const { unicode, columns, color } = terminal;
  const style = terminalStyle(color);
  const figures = new AuditFigures(description, { unicode });
  const { audit, files, worst, settings, showText } = description;
  const wrapped = (text: string): string[] => wrapText(asciiIfNeeded(text, unicode), columns);
  const grid = (table: TableContent): string[] => printedTable(table, terminal);
  const byPrompt = promptScoreTable(description, figures);
  const sections: string[][] = [
    [readWords(description), ...auditConclusion(description, figures).flatMap(wrapped)],
    grid(figuresTable(description, figures)),
    [
      style.bold(
        `With ${100 * settings.level} % not ${settings.higherIsWorse ? "above" : "below"}:`,
      ),
      ...grid(boundsTable(description, figures)),
    ],
    audit.comparisons.length === 0 ? [] : grid(comparisonsTable(description, figures)),
    byPrompt === null ? [] : grid(byPrompt),
    ...Object.entries(worst).map(([arm, rows]) =>
      rows.length === 0
        ? []
        : [
            style.bold(
              `Worst rows of ${safeText(arm)}${showText || !hasTexts(rows) ? "" : " (masked; --show-text prints them)"}:`,
            ),
            ...grid(worstTable(rows, files.length > 1, figures)),
          ],
    ),
    auditNotes(description).flatMap(wrapped).map(style.dim),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

function hasTexts(rows: readonly { prompt: string | null; text: string | null }[]): boolean {
  return rows.some(({ prompt, text }) => prompt !== null || text !== null);
}
