import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pairedTTest } from "../../src/stats/paired-t-test.js";

const a = [1.2, 0.7, 1.9, 1.1, 1.4];
const b = [0.9, 0.8, 1.1, 1.0, 0.6];
const pairs = fc.array(
  fc.tuple(
    fc.double({ min: -100, max: 100, noNaN: true }),
    fc.double({ min: -100, max: 100, noNaN: true }),
  ),
  { minLength: 2, maxLength: 40 },
);

describe("pairedTTest", () => {
  test("is SciPy's ttest_rel, with its 99 % interval", () => {
    const { n, difference, interval, p } = pairedTTest(a, b, 0.01);
    expect(n).toBe(5);
    expect(difference).toBeCloseTo(0.38, 12);
    expect(p).toBeCloseTo(0.10611086227491956, 10);
    expect(interval![0]).toBeCloseTo(-0.46142904164205634, 8);
    expect(interval![1]).toBeCloseTo(1.2214290416420561, 8);
  });

  test("the interval leaves 0 out just where p is under the level", () => {
    fc.assert(
      fc.property(pairs, fc.double({ min: 0.001, max: 0.3, noNaN: true }), (drawn, level) => {
        const { interval, p } = pairedTTest(
          drawn.map(([x]) => x),
          drawn.map(([, y]) => y),
          level,
        );
        const [low, high] = interval!;
        // At the edge itself rounding decides.
        fc.pre(Math.abs(p! - level) > 1e-6);
        expect(low > 0 || high < 0).toBe(p! < level);
      }),
    );
  });

  test("does not mind which is which", () => {
    fc.assert(
      fc.property(pairs, (drawn) => {
        const x = drawn.map(([one]) => one);
        const y = drawn.map(([, other]) => other);
        expect(pairedTTest(x, y, 0.05).p).toBe(pairedTTest(y, x, 0.05).p);
      }),
    );
  });

  test("of equal values finds nothing, of a constant difference everything", () => {
    expect(pairedTTest(a, a, 0.05)).toMatchObject({ difference: 0, interval: [0, 0], p: 1 });
    expect(pairedTTest([2, 3, 4], [1, 2, 3], 0.05)).toMatchObject({ difference: 1, p: 0 });
  });

  test("of a single pair says nothing", () => {
    expect(pairedTTest([2], [1], 0.05)).toEqual({ n: 1, difference: 1, interval: null, p: null });
  });

  test("refuses what cannot be paired", () => {
    expect(() => pairedTTest([], [], 0.05)).toThrow(RangeError);
    expect(() => pairedTTest([1, 2], [1], 0.05)).toThrow(RangeError);
    expect(() => pairedTTest([1, Number.NaN], [1, 2], 0.05)).toThrow(RangeError);
  });
});
