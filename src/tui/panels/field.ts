/** Pieces that panels are put together from. */
import { formatNumber, type NumberStyle } from "../../text/numbers.js";
import type { Line, Look } from "../line.js";

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

/** As it was written in the configuration: 0.4, not 0.400. */
export function settingNumber(value: number, style: NumberStyle): string {
  const text = String(Number(value.toPrecision(6)));
  return style.unicode ? text.replaceAll("-", "−") : text;
}

/** An α' that a schedule came to: three figures, 0.911, and 0.4 where that is all there is. */
export function alphaNumber(value: number, style: NumberStyle): string {
  return settingNumber(Number(value.toPrecision(3)), style);
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
