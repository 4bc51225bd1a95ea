/** A table of a report on the terminal. */
import type { TableContent } from "../report/blocks.js";
import { columnWidths, gridLines, gridWidth, terminalStyle } from "../text/grid.js";
import { truncate } from "../text/width.js";
import type { Terminal } from "./terminal.js";

/** Intervals stand on a line of their own beneath their figures. */
export function printedTable(table: TableContent, terminal: Terminal): string[] {
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
  const shown = cells.map((row) => row.map((cell) => asciiIfNeeded(cell, terminal.unicode)));
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
  β: "beta",
  "₀": "0",
  "₁": "1",
  "₅": "5",
  "…": "...",
  "·": ".",
};

export function asciiIfNeeded(text: string, unicode: boolean): string {
  return unicode ? text : text.replaceAll(/[−≤⌈⌉–αβ₀₁₅…·]/g, (found) => plain[found]!);
}
