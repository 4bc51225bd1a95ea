/** Ranges and the numbers on axes: from 5e-324 to 1e308, and always told apart. */
import type { NumberStyle } from "../../text/numbers.js";

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface Tick {
  readonly value: number;
  readonly text: string;
}

/** Of the finite values; null: there are none. */
export function rangeOf(values: Iterable<number | null>): Range | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value !== null && Number.isFinite(value)) {
      low = Math.min(value, low);
      high = Math.max(value, high);
    }
  }
  return low <= high ? { low, high } : null;
}

/** A range of one value gets some room on both sides, so that there is something to draw in. */
export function widened({ low, high }: Range): Range {
  if (low < high) {
    return { low, high };
  }
  const room = Math.abs(low) / 10 || 1;
  return {
    low: Math.max(-Number.MAX_VALUE, low - room),
    high: Math.min(Number.MAX_VALUE, high + room),
  };
}

/** Where a value stands between the ends, in [0, 1]; a value outside is at the nearer end. */
export function fractionIn(value: number, { low, high }: Range): number {
  // In halves: the span of two finite numbers may be infinite.
  const span = high / 2 - low / 2;
  return span <= 0 ? 0.5 : Math.min(1, Math.max(0, (value / 2 - low / 2) / span));
}

export interface TickOptions {
  /** So many at most, ≥ 2. */
  readonly most: number;
  /** Whole numbers only: counts, steps. */
  readonly whole?: boolean;
  readonly style: NumberStyle;
}

/** Round values within the range, ascending; its ends where it has fewer than two round ones. */
export function ticks(range: Range, options: TickOptions): Tick[] {
  const { most, style } = options;
  const span = range.high - range.low;
  if (!(span > 0 && span < Number.POSITIVE_INFINITY) || most < 2) {
    return endTicks(range, span, style);
  }
  const step = roundStep(range, most, options.whole === true);
  const first = Math.ceil(range.low / step - 1e-9);
  const count = Math.floor(range.high / step + 1e-9) - first + 1;
  if (!(count >= 2)) {
    const only = Math.ceil(range.low);
    return options.whole === true && only <= range.high
      ? labelled([only], 1, style)
      : endTicks(range, span, style);
  }
  return labelled(
    Array.from({ length: Math.min(count, most) }, (_, index) => (first + index) * step),
    step,
    style,
  );
}

/**
 * 1, 2 or 5 times a power of ten: the smallest with at most so many multiples in the range. Not
 * d3-array's `ticks`, which gives about as many as are asked for, often more than there is room for,
 * and throws in the smallest of ranges (5e-324 to 1e-320).
 */
function roundStep(range: Range, most: number, whole: boolean): number {
  const smallest = (range.high - range.low) / most;
  for (let power = Math.max(-323, Math.floor(Math.log10(smallest))); ; power += 1) {
    for (const factor of [1, 2, 5]) {
      const step = Number(`${factor}e${power}`);
      const count = Math.floor(range.high / step + 1e-9) - Math.ceil(range.low / step - 1e-9) + 1;
      if (count <= most && (!whole || step >= 1)) {
        return step;
      }
    }
  }
}

/** Both ends of the range: a plot of few rows has no others to put a number to. */
export function endsOf(range: Range, { whole, style }: Omit<TickOptions, "most">): Tick[] {
  return whole === true
    ? labelled(range.low === range.high ? [range.low] : [range.low, range.high], 1, style)
    : endTicks(range, range.high - range.low, style);
}

function endTicks(range: Range, span: number, style: NumberStyle): Tick[] {
  const one = Number.isInteger(range.high) ? 1 : Math.abs(range.high) / 100;
  const step = span === 0 ? one : Number.isFinite(span) ? span / 20 : range.high / 20;
  return labelled(range.low === range.high ? [range.low] : [range.low, range.high], step, style);
}

/** Two ticks never have the same text. */
function labelled(values: readonly number[], step: number, style: NumberStyle): Tick[] {
  const seen = new Set<string>();
  return values.flatMap((value): Tick[] => {
    const text = axisNumber(value, step, values, style);
    if (seen.has(text)) {
      return [];
    }
    seen.add(text);
    return [{ value, text }];
  });
}

const longest = { integer: 1e6, decimals: 6 };

/** With as many digits as neighbours `step` apart need; very large and very small with an exponent. */
function axisNumber(
  value: number,
  step: number,
  values: readonly number[],
  style: NumberStyle,
): string {
  const largest = values.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const digits = Math.ceil(Math.log10(largest / step) - 1e-9);
  let text: string;
  if (value === 0) {
    text = "0";
  } else if (largest >= longest.integer || decimals > longest.decimals) {
    text = value.toExponential(Math.min(8, Math.max(0, digits))).replace(/\.?0*e\+?/, "e");
  } else {
    text = value.toFixed(decimals);
  }
  // What is rounded to zero has no sign.
  const unsigned = Number(text) === 0 ? text.replace("-", "") : text;
  return style.unicode ? unsigned.replaceAll("-", "−") : unsigned;
}
