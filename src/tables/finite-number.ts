import { maskText, safeText } from "../text/safe-text.js";

const longestShown = 20;

/**
 * A cell's number, or what it is instead, in words that follow "is". Text counts where it is a
 * decimal number; nothing else is taken for one: no true, no 12 %, no decimal comma.
 */
export function finiteNumber(cell: unknown): number | string {
  switch (typeof cell) {
    case "number":
      return Number.isFinite(cell) ? cell : Number.isNaN(cell) ? "NaN" : "infinite";
    case "bigint":
      return Number(cell);
    case "string":
      return ofText(cell.trim());
    case "boolean":
      return `${cell}, not a number`;
    case "object":
      if (cell === null) return "missing (null)";
      if (Array.isArray(cell)) {
        return `a list of ${cell.length}: name one as COLUMN.0, or write one row per score`;
      }
      if (cell instanceof Date) return "a date, not a number";
      return `an object with ${Object.keys(cell).slice(0, 8).join(", ")}: name one as COLUMN.KEY`;
    default:
      return "missing";
  }
}

function ofText(text: string): number | string {
  if (text === "") return "missing (empty)";
  const value = Number(text);
  // The language also reads 0x1f, 0o7 and 0b1.
  if (Number.isFinite(value) && !"xob".includes(text.charAt(1).toLowerCase() || "-")) return value;
  if (/^[+-]?nan$/i.test(text)) return "NaN";
  if (/^[+-]?inf(inity)?$/i.test(text)) return "infinite";
  if (/^[+-]?[\d.]+e[+-]?\d+$/i.test(text)) return `${text}, too large for a double`;
  const short = text.length <= longestShown && !/\s/.test(text);
  const shown = short
    ? safeText(text)
    : `${safeText(maskText(text.slice(0, longestShown)))}… (masked)`;
  const comma = /^[+-]?\d+,\d+$/.test(text) ? " (write a decimal point)" : "";
  return `"${shown}", not a number${comma}`;
}
