/** Who is worst: orders, ranks and order statistics of a batch, fast enough for 65,536 episodes. */
import { requireFinite, requireInteger } from "../stats/checks.js";

/**
 * Indices of the `count` lowest values: exactly so many, ascending by value, ties by index, so
 * that runs repeat.
 *
 * @param statistic one value per episode, low is bad
 * @param count a whole number in [0, statistic.length]
 * @throws {RangeError} when count is out of range or statistic holds NaN or ±∞
 */
export function worst(statistic: ArrayLike<number>, count: number): Uint32Array {
  requireInteger(count, "count", 0, statistic.length);
  return ascendingOrder(statistic).slice(0, count);
}

const digitBits = 11;
const digits = 1 << digitBits;
/** Of 64 bits. */
const passes = 6;

/**
 * Indices of all values, ascending by value, ties by index: a radix sort of the doubles' bits (six
 * digits of eleven bits; a digit that all share is skipped, as the lower ones of float32 values are).
 *
 * @throws {RangeError} when a value is NaN or ±∞
 */
export function ascendingOrder(values: ArrayLike<number>): Uint32Array {
  requireFinite(values, "statistic");
  const count = values.length;
  const doubles = new Float64Array(count);
  for (let index = 0; index < count; index += 1) {
    // −0 + 0 is 0: the two are one value.
    doubles[index] = values[index]! + 0;
  }
  const words = new Uint32Array(doubles.buffer);
  const low = new Uint32Array(count);
  const high = new Uint32Array(count);
  for (let index = 0; index < count; index += 1) {
    const upper = words[2 * index + upperWord]!;
    // Positive numbers above negative ones, whose bits run the other way.
    const flip = upper >>> 31 === 1 ? 0xffff_ffff : 0;
    low[index] = words[2 * index + 1 - upperWord]! ^ flip;
    high[index] = upper ^ (flip === 0 ? 0x8000_0000 : flip);
  }
  let order = Uint32Array.from({ length: count }, (_, index) => index);
  let other = new Uint32Array(count);
  for (let pass = 0; pass < passes; pass += 1) {
    const starts = new Uint32Array(digits + 1);
    for (let index = 0; index < count; index += 1) {
      starts[digitOf(low[index]!, high[index]!, pass) + 1]! += 1;
    }
    if (starts.includes(count, 1)) {
      continue;
    }
    for (let digit = 1; digit <= digits; digit += 1) {
      starts[digit]! += starts[digit - 1]!;
    }
    for (let place = 0; place < count; place += 1) {
      const index = order[place]!;
      const digit = digitOf(low[index]!, high[index]!, pass);
      other[starts[digit]!] = index;
      starts[digit]! += 1;
    }
    [order, other] = [other, order];
  }
  return order;
}

/** Which of a double's two 32-bit words has its sign. */
const upperWord = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Digit `pass` of a 64-bit number, the lowest first. */
function digitOf(low: number, high: number, pass: number): number {
  const from = pass * digitBits;
  if (from >= 32) {
    return (high >>> (from - 32)) & (digits - 1);
  }
  const within = low >>> from;
  return from + digitBits <= 32
    ? within & (digits - 1)
    : (within | (high << (32 - from))) & (digits - 1);
}

/**
 * The `nth` lowest value, from 1 (Hoare's quickselect).
 *
 * @throws {RangeError} when nth is not a whole number in [1, values.length] or a value is NaN or ±∞
 */
export function nthLowest(values: ArrayLike<number>, nth: number): number {
  requireInteger(nth, "nth", 1, values.length);
  requireFinite(values, "values");
  const own = Float64Array.from(values);
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

/**
 * As {@link worst}, in the order of the batch: for rules that only ask who is among them.
 *
 * @throws {RangeError} as `worst`
 */
export function lowest(statistic: ArrayLike<number>, count: number): Uint32Array {
  requireInteger(count, "count", 0, statistic.length);
  if (count === 0) {
    requireFinite(statistic, "statistic");
    return new Uint32Array(0);
  }
  const threshold = nthLowest(statistic, count);
  let under = 0;
  for (let index = 0; index < statistic.length; index += 1) {
    under += statistic[index]! < threshold ? 1 : 0;
  }
  const chosen = new Uint32Array(count);
  let ties = count - under;
  let taken = 0;
  for (let index = 0; index < statistic.length; index += 1) {
    const tied = statistic[index] === threshold && ties > 0;
    if (tied || statistic[index]! < threshold) {
      ties -= tied ? 1 : 0;
      chosen[taken] = index;
      taken += 1;
    }
  }
  return chosen;
}

/**
 * How many values are at most the `count`-th lowest one: `count` itself where that stands alone. So
 * many episodes the paper's published code keeps, every one at or under the quantile (`risk.ties:
 * kept`).
 *
 * @param count a whole number in [1, statistic.length]
 * @throws {RangeError} as {@link worst}
 */
export function countWithTies(statistic: ArrayLike<number>, count: number): number {
  requireInteger(count, "count", 1, statistic.length);
  requireFinite(statistic, "statistic");
  const sorted = new Float64Array(statistic).sort();
  const quantile = sorted[count - 1]!;
  let withTies = count;
  while (withTies < sorted.length && sorted[withTies] === quantile) {
    withTies += 1;
  }
  return withTies;
}
