import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binnedMeans } from "../../src/stats/binned-means.js";

const pairs = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer()), {
  minLength: 1,
  maxLength: 100,
});

describe("binnedMeans", () => {
  test("worked by hand: reward by prompt score, hardest prompts first", () => {
    expect(binnedMeans([5, -1, 3, 1], [50, 10, 30, 20], 2)).toEqual([
      { quantile: 0.25, x: 0, y: 15, count: 2 },
      { quantile: 0.75, x: 4, y: 40, count: 2 },
    ]);
  });

  test("covers every value once, in bins of equal size to within one", () => {
    fc.assert(
      fc.property(pairs, fc.integer({ min: 1, max: 30 }), (drawn, bins) => {
        const curve = binnedMeans(
          drawn.map(([x]) => x),
          drawn.map(([, y]) => y),
          bins,
        );
        const counts = curve.map(({ count }) => count);
        expect(curve).toHaveLength(Math.min(bins, drawn.length));
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(drawn.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        const total = curve.reduce((sum, { y, count }) => sum + y * count, 0);
        expect(total).toBeCloseTo(
          drawn.reduce((sum, [, y]) => sum + y, 0),
          3,
        );
      }),
    );
  });

  test("both x and quantile rise from bin to bin", () => {
    fc.assert(
      fc.property(pairs, fc.integer({ min: 2, max: 30 }), (drawn, bins) => {
        const curve = binnedMeans(
          drawn.map(([x]) => x),
          drawn.map(([, y]) => y),
          bins,
        );
        for (let bin = 1; bin < curve.length; bin += 1) {
          expect(curve[bin]!.x).toBeGreaterThanOrEqual(curve[bin - 1]!.x);
          expect(curve[bin]!.quantile).toBeGreaterThan(curve[bin - 1]!.quantile);
        }
      }),
    );
  });

  test("of nothing is nothing", () => {
    expect(binnedMeans([], [], 10)).toEqual([]);
  });

  test("refuses uneven arrays, NaN, and no bins", () => {
    expect(() => binnedMeans([1], [], 2)).toThrow(/x has 1 values and y has 0/);
    expect(() => binnedMeans([Number.NaN], [1], 2)).toThrow(/\[0\] is NaN/);
    expect(() => binnedMeans([1], [Number.NaN], 2)).toThrow(/y\[0\] is NaN/);
    expect(() => binnedMeans([1], [1], 0)).toThrow(/bins is 0/);
  });
});
