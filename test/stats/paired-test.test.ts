import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pairedTest } from "../../src/stats/paired-test.js";

const a = [1.2, 0.7, 1.9, 1.1, 1.4];
const b = [0.9, 0.8, 1.1, 1.0, 0.6];
const pairs = fc.array(
  fc.tuple(
    fc.double({ min: -100, max: 100, noNaN: true }),
    fc.double({ min: -100, max: 100, noNaN: true }),
  ),
  { minLength: 2, maxLength: 40 },
);

describe("pairedTest", () => {
  test("is SciPy's ttest_rel, with its 99 % interval", () => {
    const { n, difference, interval, p } = pairedTest(a, b, 0.01);
    expect(n).toBe(5);
    expect(difference).toBeCloseTo(0.38, 12);
    expect(p).toBeCloseTo(0.10611086227491956, 10);
    expect(interval![0]).toBeCloseTo(-0.46142904164205634, 8);
    expect(interval![1]).toBeCloseTo(1.2214290416420561, 8);
  });

  test("what both share cancels: a common shift of a pair changes nothing", () => {
    const drawnPairs = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 2 });
    fc.assert(
      fc.property(drawnPairs, (drawn) => {
        const plain = pairedTest(
          drawn.map(([x]) => x),
          drawn.map(([, y]) => y),
        );
        const shifted = pairedTest(
          drawn.map(([x, , s]) => x + s),
          drawn.map(([, y, s]) => y + s),
        );
        expect(shifted).toEqual(plain);
      }),
    );
  });

  test("the interval leaves 0 out just where p is under the level", () => {
    fc.assert(
      fc.property(pairs, fc.double({ min: 0.001, max: 0.3, noNaN: true }), (drawn, level) => {
        const { interval, p } = pairedTest(
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
        expect(pairedTest(x, y, 0.05).p).toBe(pairedTest(y, x, 0.05).p);
      }),
    );
  });

  test("of equal values finds nothing, of a constant difference everything", () => {
    expect(pairedTest(a, a, 0.05)).toMatchObject({ difference: 0, interval: [0, 0], p: 1 });
    expect(pairedTest([2, 3, 4], [1, 2, 3], 0.05)).toMatchObject({ difference: 1, p: 0 });
  });

  test("of a single pair says nothing", () => {
    expect(pairedTest([2], [1], 0.05)).toEqual({ n: 1, difference: 1, interval: null, p: null });
  });

  test("refuses what cannot be paired", () => {
    expect(() => pairedTest([], [], 0.05)).toThrow(RangeError);
    expect(() => pairedTest([1, 2], [1], 0.05)).toThrow(/a has 2 values and b has 1/);
    expect(() => pairedTest([1, Number.NaN], [1, 2], 0.05)).toThrow(/a\[1\] is NaN/);
  });
});
