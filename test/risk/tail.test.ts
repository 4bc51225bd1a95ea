import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { conditionalValueAtRisk as cvar, tailCount, valueAtRisk } from "../../src/risk/tail.js";
import { generator, shuffled } from "../../src/stats/random.js";

/** Whole numbers: their sums are exact, so identities hold to the last bit. */
const whole = fc.integer({ min: -1_000_000, max: 1_000_000 });
const wholes = fc.array(whole, { minLength: 1, maxLength: 60 });
const reals = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
  minLength: 1,
  maxLength: 60,
});
const percent = fc.integer({ min: 1, max: 100 }).map((value) => value / 100);
const seed = fc.integer({ min: 0, max: 0xffff_ffff });

describe("tailCount", () => {
  test.each([
    [100, 0.07, 7],
    [100, 0.29, 29],
    [100, 0.14, 14],
    [128, 0.4, 52],
    [128, 0.2, 26],
    [194, 0.95, 185],
    [288, 0.95, 274],
    [10, 0.3, 3],
    [3, 1 / 3, 1],
    [7, 1, 7],
    [1, 0.01, 1],
    [5, 1e-15, 1],
    [1_048_576, 0.1, 104_858],
  ])("of %i at α = %d is %i", (batch, alpha, count) => {
    expect(tailCount(batch, alpha)).toBe(count);
  });

  test("agrees with whole-number arithmetic for every α of four digits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_048_576 }),
        fc.integer({ min: 1, max: 10_000 }),
        (batch, tenThousandths) => {
          const exact = (BigInt(batch) * BigInt(tenThousandths) + 9999n) / 10_000n;
          expect(tailCount(batch, tenThousandths / 10_000)).toBe(Number(exact));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each([0, -0.1, 1.1, Number.NaN, Infinity])("refuses α = %d", (alpha) => {
    expect(() => tailCount(10, alpha)).toThrow(/alpha is .*\(0, 1\]/);
  });

  test.each([0, -1, 2.5, Number.NaN])("refuses a batch of %d", (batch) => {
    expect(() => tailCount(batch, 0.5)).toThrow(/batch is/);
  });
});

describe("value at risk and CVaR", () => {
  test("of a batch worked by hand", () => {
    const returns = [4, -2, 7, 1, -5, 0, 3, 9, 2, -1];
    expect(valueAtRisk(returns, 0.3)).toBe(-1);
    expect(cvar(returns, 0.3)).toBeCloseTo(-8 / 3, 12);
    expect(valueAtRisk(returns, 0.25)).toBe(-1);
    expect(valueAtRisk(returns, 0.1)).toBe(-5);
    expect(cvar(returns, 0.1)).toBe(-5);
    expect(valueAtRisk(returns, 1)).toBe(9);
    expect(cvar(returns, 1)).toBe(1.8);
  });

  test("with the quantile inside a run of equal returns takes exactly ⌈αB⌉ of them", () => {
    expect(cvar([0, 0, 0, 0, -4], 0.4)).toBe(-2);
    expect(valueAtRisk([0, 0, 0, 0, -4], 0.4)).toBe(0);
  });

  test("does not depend on the episodes' order, to the last bit", () => {
    fc.assert(
      fc.property(reals, percent, seed, (returns, alpha, at) => {
        const mixed = Array.from(
          shuffled(returns.length, generator(at)),
          (index) => returns[index]!,
        );
        expect(cvar(mixed, alpha)).toBe(cvar(returns, alpha));
        expect(valueAtRisk(mixed, alpha)).toBe(valueAtRisk(returns, alpha));
      }),
    );
  });

  test("leaves the input as it was", () => {
    const returns = Float32Array.of(3, 1, 2);
    cvar(returns, 0.5);
    valueAtRisk(returns, 0.5);
    expect([...returns]).toEqual([3, 1, 2]);
  });

  test("lowest ≤ CVaR ≤ VaR ≤ highest", () => {
    fc.assert(
      fc.property(reals, percent, (returns, alpha) => {
        const tail = cvar(returns, alpha);
        expect(tail).toBeGreaterThanOrEqual(Math.min(...returns) - 1e-9);
        expect(tail).toBeLessThanOrEqual(valueAtRisk(returns, alpha));
        expect(valueAtRisk(returns, alpha)).toBeLessThanOrEqual(Math.max(...returns));
      }),
    );
  });

  test("never fall as α grows, and CVaR₁ is the mean", () => {
    fc.assert(
      fc.property(wholes, percent, percent, (returns, a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        expect(cvar(returns, small)).toBeLessThanOrEqual(cvar(returns, large) + 1e-9);
        expect(valueAtRisk(returns, small)).toBeLessThanOrEqual(valueAtRisk(returns, large));
        const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length;
        expect(cvar(returns, 1)).toBe(mean);
      }),
    );
  });

  test("CVaR is the least weighted mean with no weight over 1/⌈αB⌉ (its dual form)", () => {
    fc.assert(
      fc.property(wholes, percent, seed, (returns, alpha, at) => {
        const count = tailCount(returns.length, alpha);
        const others = shuffled(returns.length, generator(at)).subarray(0, count);
        const mean = others.reduce((sum, index) => sum + returns[index]!, 0) / count;
        expect(cvar(returns, alpha)).toBeLessThanOrEqual(mean + 1e-9);
      }),
    );
  });

  describe("CVaR is coherent", () => {
    test("a constant added to every return is added to it", () => {
      fc.assert(
        fc.property(wholes, percent, whole, (returns, alpha, constant) => {
          const moved = returns.map((value) => value + constant);
          expect(cvar(moved, alpha)).toBeCloseTo(cvar(returns, alpha) + constant, 6);
          expect(valueAtRisk(moved, alpha)).toBe(valueAtRisk(returns, alpha) + constant);
        }),
      );
    });

    test("a positive factor on every return is a factor on it", () => {
      fc.assert(
        fc.property(wholes, percent, fc.constantFrom(0.5, 2, 1024), (returns, alpha, factor) => {
          const scaled = returns.map((value) => value * factor);
          expect(cvar(scaled, alpha)).toBe(cvar(returns, alpha) * factor);
        }),
      );
    });

    test("it never falls when no return falls", () => {
      const raised = fc.array(fc.tuple(whole, fc.nat({ max: 1000 })), { minLength: 1 });
      fc.assert(
        fc.property(raised, percent, (pairs, alpha) => {
          const before = pairs.map(([value]) => value);
          const after = pairs.map(([value, gain]) => value + gain);
          expect(cvar(after, alpha)).toBeGreaterThanOrEqual(cvar(before, alpha) - 1e-9);
        }),
      );
    });

    test("mixing two batches never lowers it under the mix of both (superadditive)", () => {
      const pairs = fc.array(fc.tuple(whole, whole), { minLength: 1 });
      fc.assert(
        fc.property(pairs, percent, (both, alpha) => {
          const sum = both.map(([a, b]) => a + b);
          const apart =
            cvar(
              both.map(([a]) => a),
              alpha,
            ) +
            cvar(
              both.map(([, b]) => b),
              alpha,
            );
          expect(cvar(sum, alpha)).toBeGreaterThanOrEqual(apart - 1e-6);
        }),
      );
    });
  });

  test.each([
    ["VaR", valueAtRisk],
    ["CVaR", cvar],
  ])("%s refuses what has no answer", (_, measure) => {
    expect(() => measure([], 0.5)).toThrow(RangeError);
    expect(() => measure([], 0.5)).toThrow(/returns is empty/);
    expect(() => measure([1, 2, Number.NaN, 4], 0.5)).toThrow(/returns\[2\] is NaN/);
    expect(() => measure([1, -Infinity], 0.5)).toThrow(/returns\[1\] is -Infinity/);
    expect(() => measure([1, 2], 0)).toThrow(RangeError);
    expect(() => measure([1, 2], 1.01)).toThrow(RangeError);
  });
});
