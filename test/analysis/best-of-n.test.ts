/** The bound against the exact KL of the best of n draws from a distribution with equal atoms. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bestOfKlBound } from "../../src/analysis/best-of-n.js";

/** P(best of n is atom k of m equally likely ones) = (k/m)ⁿ − ((k−1)/m)ⁿ; KL against 1/m. */
function exactKl(n: number, atoms: number): number {
  return Array.from({ length: atoms }, (_, at) => at + 1)
    .map((k) => (k / atoms) ** n - ((k - 1) / atoms) ** n)
    .reduce((sum, p) => sum + (p > 0 ? p * Math.log(p * atoms) : 0), 0);
}

test("is 0 for one draw, and as computed by hand", () => {
  expect(bestOfKlBound(1)).toBe(0);
  expect(bestOfKlBound(4)).toBeCloseTo(1.3863 - 0.75, 4);
  expect(bestOfKlBound(16)).toBeCloseTo(2.7726 - 0.9375, 4);
});

test("is never under the KL, and reaches it where no two completions are alike", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 200 }), (n, atoms) => {
      expect(exactKl(n, atoms)).toBeLessThanOrEqual(bestOfKlBound(n) + 1e-12);
    }),
  );
  expect(exactKl(8, 100_000)).toBeCloseTo(bestOfKlBound(8), 3);
});

test.each([0, 1.5, -1, Number.NaN])("refuses %d completions", (n) => {
  expect(() => bestOfKlBound(n)).toThrow(RangeError);
});
