import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quantile } from "../../src/stats/quantile.js";

const whole = fc.integer({ min: -1_000_000, max: 1_000_000 });
const wholes = fc.array(whole, { minLength: 1, maxLength: 60 });

describe("quantile", () => {
  // numpy.quantile of the same values.
  test.each([
    [0, -4],
    [0.05, -3.25],
    [0.1, -2.5],
    [0.25, -0.75],
    [0.5, 2],
    [0.9, 4.82],
    [1, 7.25],
  ])("at %d is NumPy's %d", (p, expected) => {
    expect(quantile([3.2, -1.5, 0, 7.25, 2, 2, -4], p)).toBeCloseTo(expected, 12);
  });

  test("rises with p and stays within the values", () => {
    const probability = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(wholes, probability, probability, (values, a, b) => {
        const low = quantile(values, Math.min(a, b));
        const high = quantile(values, Math.max(a, b));
        expect(low).toBeLessThanOrEqual(high + 1e-9);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values));
        expect(high).toBeLessThanOrEqual(Math.max(...values));
      }),
    );
  });

  test("of a single value is that value", () => {
    expect(quantile([5], 0.3)).toBe(5);
  });

  test("refuses what has no answer", () => {
    expect(() => quantile([], 0.5)).toThrow(/values is empty/);
    expect(() => quantile([Number.NaN], 0.5)).toThrow(/values\[0\] is NaN/);
    expect(() => quantile([1], -0.1)).toThrow(/p is -0.1/);
    expect(() => quantile([1], Number.NaN)).toThrow(RangeError);
  });
});
