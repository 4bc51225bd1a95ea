/** An audit on the terminal. */
import type { AuditDescription } from "../../report/audit/audit-description.js";
import { AuditFigures } from "../../report/audit/audit-figures.js";
import {
  type AuditTable,
  boundsTable,
  comparisonsTable,
  figuresTable,
  promptScoreTable,
  worstTable,
} from "../../report/audit/audit-tables.js";
import { auditConclusion, auditNotes, readWords } from "../../report/audit/audit-words.js";
import { columnWidths, gridLines, gridWidth, terminalStyle } from "../../text/grid.js";
import { safeText } from "../../text/safe-text.js";
import { truncate, wrapText } from "../../text/width.js";
import type { Terminal } from "../terminal.js";

export function auditText(description: AuditDescription, terminal: Terminal): string {
  const { unicode, columns, color } = terminal;
  const style = terminalStyle(color);
  const figures = new AuditFigures(description, { unicode });
  const { audit, files, worst, settings, showText } = description;
  const wrapped = (text: string): string[] => wrapText(ascii(text, unicode), columns);
  const grid = (table: AuditTable): string[] => tableLines(table, terminal);
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

/** Intervals stand on a line of their own beneath their figures. */
function tableLines(table: AuditTable, terminal: Terminal): string[] {
  const style = terminalStyle(terminal.color);
  const { head, rows, wordColumns } = table;
  const cells: string[][] = [[...head]];
  const beneath = new Set<number>();
  for (const row of rows) {
    cells.push(row.map(({ main }) => main));
    if (row.some(({ sub }) => (sub ?? "") !== "")) {
      beneath.add(cells.length);
      cells.push(row.map(({ sub }) => sub ?? ""));
    }
  }
  const shown = cells.map((row) => row.map((cell) => ascii(cell, terminal.unicode)));
  const texts = head.map((title) => title === "prompt" || title === "text");
  const aligns = head.map((_, at) =>
    at < wordColumns || texts[at] === true ? ("left" as const) : ("right" as const),
  );
  const parts = texts.includes(true)
    ? [[...head.keys()]]
    : fittingColumns(columnWidths(shown), wordColumns, terminal.columns);
  return parts.flatMap((columns) =>
    gridLines(
      shown.map((row) => columns.map((column) => row[column]!)),
      columns.map((column) => aligns[column]!),
    ).map((whole, at) => {
      const line = texts.includes(true) ? truncate(whole, terminal.columns) : whole;
      return at === 0 ? style.bold(line) : beneath.has(at) ? style.dim(line) : line;
    }),
  );
}

/** Columns of each part of a table that is too wide: its words, and as many figures as fit. */
function fittingColumns(
  widths: readonly number[],
  wordColumns: number,
  width: number,
): readonly (readonly number[])[] {
  const words = Array.from({ length: wordColumns }, (_, at) => at);
  const parts: number[][] = [];
  for (let column = wordColumns; column < widths.length; column += 1) {
    const last = parts.at(-1);
    const together = last === undefined ? null : [...last, column];
    if (together !== null && gridWidth(together.map((at) => widths[at]!)) <= width) {
      last!.push(column);
    } else parts.push([...words, column]);
  }
  return parts;
}

const plain: Readonly<Record<string, string>> = {
  "−": "-",
  "≤": "<=",
  "⌈": "ceil(",
  "⌉": ")",
  "–": "-",
  α: "alpha",
  "…": "...",
  "·": ".",
};

function ascii(text: string, unicode: boolean): string {
  return unicode ? text : text.replaceAll(/[−≤⌈⌉–α…·]/g, (found) => plain[found]!);
}
