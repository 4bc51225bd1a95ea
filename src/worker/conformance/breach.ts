/** Comparisons of what a worker answered with what a clause promises. */
import { inspect, isDeepStrictEqual } from "node:util";

/** A worker did not keep to a clause; the message says what was seen. */
export class Breach extends Error {
  override readonly name = "Breach";
}

/** @throws {Breach} with what was seen, where the condition does not hold */
export function holds(condition: boolean, seen: string): asserts condition {
  if (!condition) throw new Breach(seen);
}

/** @throws {Breach} the two differ in any value */
export function same(what: string, seen: unknown, expected: unknown): void {
  holds(isDeepStrictEqual(seen, expected), `${what}: ${shown(seen)}; expected ${shown(expected)}`);
}

/** @throws {Breach} the two do not differ */
export function unequal(what: string, seen: unknown, other: unknown): void {
  holds(!isDeepStrictEqual(seen, other), `${what}: ${shown(seen)} both times`);
}

/** @throws {Breach} a value is further from the expected one than `tolerance` */
export function near(
  what: string,
  seen: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  same(`number of values of ${what}`, seen.length, expected.length);
  const at = Array.from(seen).findIndex(
    (value, i) => !(Math.abs(value - expected[i]!) <= tolerance),
  );
  holds(at < 0, `${what}: value ${at} is ${seen[at]}; expected ${expected[at]} ± ${tolerance}`);
}

function shown(value: unknown): string {
  return inspect(value, { breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 6, depth: 3 });
}
