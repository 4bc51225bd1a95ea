/** Orders and order statistics, in time that hardly grows faster than the values. */
import { requireFinite, requireInteger } from "./checks.js";

/** Where the digits of a 32-bit word begin, the lowest first; each has at most eleven bits. */
const digitStarts = [0, 11, 22] as const;
const digits = 1 << 11;

/**
 * Indices of all values, ascending by value, ties by index: a radix sort of the numbers' own bits, in
 * single precision three digits of them, else six.
 *
 * @throws {RangeError} when a value is NaN or ±∞
 */
export function ascendingOrder(values: ArrayLike<number>): Uint32Array {
  requireFinite(values, "statistic");
  const count = values.length;
  let order = new Uint32Array(count);
  for (let index = 0; index < count; index += 1) {
    order[index] = index;
  }
  let other = new Uint32Array(count);
  const starts = new Uint32Array(digits + 1);
  for (const word of sortWords(values)) {
    for (const from of digitStarts) {
      starts.fill(0);
      for (let index = 0; index < count; index += 1) {
        starts[((word[index]! >>> from) & (digits - 1)) + 1]! += 1;
      }
      if (starts.includes(count, 1)) {
        // All share this digit.
        continue;
      }
      for (let digit = 1; digit <= digits; digit += 1) {
        starts[digit]! += starts[digit - 1]!;
      }
      for (let place = 0; place < count; place += 1) {
        const index = order[place]!;
        const digit = (word[index]! >>> from) & (digits - 1);
        other[starts[digit]!] = index;
        starts[digit]! += 1;
      }
      [order, other] = [other, order];
    }
  }
  return order;
}

/** Unsigned words that sort as the numbers do, the lower word first; −0 and 0 are one value. */
function sortWords(values: ArrayLike<number>): Uint32Array[] {
  const count = values.length;
  const upper = new Uint32Array(count);
  if (values instanceof Float32Array) {
    const singles = new Float32Array(count);
    for (let index = 0; index < count; index += 1) {
      singles[index] = values[index]! + 0;
    }
    const bits = new Uint32Array(singles.buffer);
    for (let index = 0; index < count; index += 1) {
      const word = bits[index]!;
      // Negative numbers run the other way, and come before the others.
      upper[index] = word >>> 31 === 1 ? ~word : word | 0x8000_0000;
    }
    return [upper];
  }
  const lower = new Uint32Array(count);
  const view = new DataView(new ArrayBuffer(8));
  for (let index = 0; index < count; index += 1) {
    view.setFloat64(0, values[index]! + 0);
    const word = view.getUint32(0);
    const isNegative = word >>> 31 === 1;
    upper[index] = isNegative ? ~word : word | 0x8000_0000;
    lower[index] = isNegative ? ~view.getUint32(4) : view.getUint32(4);
  }
  return [lower, upper];
}

/**
 * The `nth` lowest value, from 1 (Hoare's quickselect).
 *
 * @throws {RangeError} when nth is not a whole number in [1, values.length] or a value is NaN or ±∞
 */
export function nthLowest(values: ArrayLike<number>, nth: number): number {
  requireInteger(nth, "nth", 1, values.length);
  requireFinite(values, "values");
  const own = new Float64Array(values);
  const wanted = nth - 1;
  let left = 0;
  let right = own.length - 1;
  while (left < right) {
    const pivot = own[(left + right) >>> 1]!;
    let from = left;
    let to = right;
    while (from <= to) {
      while (own[from]! < pivot) {
        from += 1;
      }
      while (own[to]! > pivot) {
        to -= 1;
      }
      if (from <= to) {
        const moved = own[from]!;
        own[from] = own[to]!;
        own[to] = moved;
        from += 1;
        to -= 1;
      }
    }
    if (wanted <= to) {
      right = to;
    } else if (wanted >= from) {
      left = from;
    } else {
      break;
    }
  }
  return own[wanted]!;
}
