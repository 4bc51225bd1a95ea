/** Figures in columns, each as wide as its widest cell. */
import { displayWidth, pad } from "../../text/width.js";
import type { Line, Look } from "../line.js";

export interface TableRow {
  readonly cells: readonly string[];
  readonly look?: Look;
  /** After the last column, in its own look. */
  readonly rest?: Line;
}

/** Numbers stand to the right, so all columns do. */
export function tableLines(header: readonly string[], rows: readonly TableRow[]): Line[] {
  const widths = header.map((name, column) =>
    rows.reduce((most, { cells }) => Math.max(most, displayWidth(cells[column]!)), name.length),
  );
  const joined = (cells: readonly string[]): string =>
    cells.map((cell, column) => pad(cell, widths[column]!, "right")).join("  ");
  return [
    [{ text: joined(header), dim: true }],
    ...rows.map(
      ({ cells, look, rest }): Line => [{ ...look, text: joined(cells) }, ...(rest ?? [])],
    ),
  ];
}
