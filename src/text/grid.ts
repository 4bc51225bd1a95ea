/** Rows of cells as lines in columns, for every table on a terminal; and the few styles they have. */
import { displayWidth, pad } from "./width.js";

export type Align = "left" | "right";

/** Display width of each column over all rows. */
export function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    });
  }
  return widths;
}

/** Width of the lines that `gridLines` makes of these columns. */
export function gridWidth(widths: readonly number[], gap = 2): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1);
}

/** Rows of cells as lines in aligned columns; cells hold no escape sequences. */
export function gridLines(
  rows: readonly (readonly string[])[],
  aligns: readonly Align[],
  gap = 2,
): string[] {
  const widths = columnWidths(rows);
  return rows.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, aligns[column] ?? "left"))
      .join(" ".repeat(gap))
      .trimEnd(),
  );
}

/** The few escape sequences that tables use; off, every function gives the text back as it is. */
export interface TerminalStyle {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
}

export function terminalStyle(color: boolean): TerminalStyle {
  const wrap =
    (open: number, close: number) =>
    (text: string): string =>
      color && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return { bold: wrap(1, 22), dim: wrap(2, 22) };
}
