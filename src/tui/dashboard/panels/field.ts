/** Pieces that panels are put together from. */

import { gridLines } from "../../../text/grid.js";
import { formatNumber, type NumberStyle } from "../../../text/numbers.js";
import { wrapText } from "../../../text/width.js";
import type { Line, Look } from "../../terminal/line.js";

/** A dim name and its value. */
export function field(name: string, value: string, look: Look = {}): Line {
  return [
    { text: `${name} `, dim: true },
    { ...look, text: value },
  ];
}

/** A heading over a chart or a table: bold words, then dim ones. */
export function heading(title: string, rest = ""): Line {
  return [
    { text: title, bold: true },
    { text: rest === "" ? "" : `  ${rest}`, dim: true },
  ];
}

/** A sentence in place of what is not there, over as many lines as it needs. */
export function said(words: string, width: number, look: Look = { dim: true }): Line[] {
  return wrapText(words, Math.max(1, width)).map((text): Line => [{ ...look, text }]);
}

export interface TableRow {
  readonly cells: readonly string[];
  readonly look?: Look;
  /** After the last column, in its own look. */
  readonly rest?: Line;
}

/** Figures in columns, each as wide as its widest cell; numbers stand to the right, so all do. */
export function tableLines(header: readonly string[], rows: readonly TableRow[]): Line[] {
  const cells = [header, ...rows.map((row) => row.cells)];
  const [title = "", ...lines] = gridLines(
    cells,
    header.map(() => "right"),
  );
  return [
    [{ text: title, dim: true }],
    ...rows.map(({ look, rest }, at): Line => [{ ...look, text: lines[at]! }, ...(rest ?? [])]),
  ];
}

/** As it was written in the configuration: 0.4, not 0.400. */
export function settingNumber(value: number, style: NumberStyle): string {
  const text = String(Number(value.toPrecision(6)));
  return style.unicode ? text.replaceAll("-", "−") : text;
}

/** An α' that a schedule came to: three figures, 0.911, and 0.4 where that is all there is. */
export function alphaNumber(value: number, style: NumberStyle): string {
  return settingNumber(Number(value.toPrecision(3)), style);
}

export function alphaName({ unicode }: NumberStyle): string {
  return unicode ? "α" : "alpha";
}

/** Columns that `shortNumber` takes at most, but for numbers of more than a hundred digits. */
export const numberWidth = 8;

/** Three figures, whatever the size: −1.96, 0.00123, 1.2e−7, 194. Null shows as a dash. */
export function shortNumber(value: number | null | undefined, style: NumberStyle): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return formatNumber(null, 0, style);
  }
  const size = Math.abs(value);
  const text =
    value === 0 || (Number.isInteger(value) && size < 1e6)
      ? String(value)
      : size >= 1e6 || size < 1e-3
        ? value.toExponential(2).replace(/\.?0*e\+?/, "e")
        : value.toFixed(Math.min(5, Math.max(0, 2 - Math.floor(Math.log10(size)))));
  return style.unicode ? text.replaceAll("-", "−") : text;
}

/** A weight in an update; 0: the episode is not in it. */
export function weightText(weight: number, style: NumberStyle): string {
  return weight > 0 ? formatNumber(weight, 2, style) : "0";
}
