/** A curve in one row, for where there is no room for axes: heights between its lowest and highest value. */
import type { ViewStyle } from "../terminal/line.js";
import { fractionIn, rangeOf } from "./axis.js";

const blocks = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;
const strokes = ["_", ".", "-", "~", "=", "+", "*", "#"] as const;

/** Exactly `width` columns, the last value at the right; null, NaN and ±∞ are gaps. */
export function sparkline(
  values: ArrayLike<number | null>,
  width: number,
  { unicode }: ViewStyle,
): string {
  const columns = Math.max(0, Math.min(width, values.length));
  const means = Array.from({ length: columns }, (_, column) =>
    meanOf(
      values,
      Math.floor((column * values.length) / columns),
      Math.floor(((column + 1) * values.length) / columns),
    ),
  );
  const range = rangeOf(means);
  const levels = unicode ? blocks : strokes;
  const text = means.map((mean) =>
    mean === null || range === null
      ? " "
      : levels[Math.min(levels.length - 1, Math.floor(fractionIn(mean, range) * levels.length))]!,
  );
  return text.join("").padStart(Math.max(0, width));
}

function meanOf(values: ArrayLike<number | null>, begin: number, end: number): number | null {
  let sum = 0;
  let count = 0;
  for (let at = begin; at < end; at += 1) {
    const value = values[at] ?? null;
    if (value !== null && Number.isFinite(value)) {
      count += 1;
      sum += (value - sum) / count;
    }
  }
  return count === 0 || !Number.isFinite(sum) ? null : sum;
}
