import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { histogram } from "../../src/stats/histogram.js";

const values = fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }));
const sum = (counts: readonly number[]): number => counts.reduce((total, one) => total + one, 0);

describe("histogram with a number of bins", () => {
  test("is NumPy's", () => {
    expect(histogram([3.2, -1.5, 0, 7.25, 2, 2, -4], 4)).toEqual({
      edges: [-4, -1.1875, 1.625, 4.4375, 7.25],
      counts: [2, 1, 3, 1],
      below: 0,
      above: 0,
    });
  });

  test("counts every value once, the highest too", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 50 }), (drawn, bins) => {
        const { edges, counts, below, above } = histogram(drawn, bins);
        expect(edges).toHaveLength(bins + 1);
        expect(counts).toHaveLength(bins);
        expect(sum(counts)).toBe(drawn.length);
        expect(below + above).toBe(0);
      }),
    );
  });

  test("of equal values is one unit wide about them; of none it is 0 … 1", () => {
    expect(histogram([2, 2], 2)).toMatchObject({ edges: [1.5, 2, 2.5], counts: [0, 2] });
    expect(histogram([], 2)).toMatchObject({ edges: [0, 0.5, 1], counts: [0, 0] });
  });

  test.each([0, -1, 1.5])("refuses %d bins", (bins) => {
    expect(() => histogram([1], bins)).toThrow(/bins is/);
  });
});

describe("histogram with given edges", () => {
  test("puts an edge's value into the bin over it, the last edge's into the last bin", () => {
    expect(histogram([0, 1, 2, 3, -0.1, 3.1, 9], [0, 1, 3])).toEqual({
      edges: [0, 1, 3],
      counts: [1, 3],
      below: 1,
      above: 2,
    });
  });

  test("is the plain definition", () => {
    const edges = fc.uniqueArray(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 9 });
    const small = fc.array(fc.integer({ min: -25, max: 25 }));
    fc.assert(
      fc.property(edges, small, (mixed, drawn) => {
        const ordered = mixed.sort((one, other) => one - other);
        const last = ordered.length - 2;
        const { counts, below, above } = histogram(drawn, ordered);
        counts.forEach((count, bin) => {
          const [from, to] = [ordered[bin]!, ordered[bin + 1]!];
          const inside = (one: number): boolean =>
            one >= from && (one < to || (bin === last && one === to));
          expect(count).toBe(drawn.filter(inside).length);
        });
        expect(sum(counts) + below + above).toBe(drawn.length);
      }),
    );
  });

  test("refuses edges that are too few, not ascending, or not finite, and NaN values", () => {
    expect(() => histogram([], [1])).toThrow(/edges are 1:/);
    expect(() => histogram([], [1, 1])).toThrow(/strictly ascending/);
    expect(() => histogram([], [2, 1])).toThrow(RangeError);
    expect(() => histogram([], [0, Infinity])).toThrow(/edges\[1\] is Infinity/);
    expect(() => histogram([0, Number.NaN], [0, 1])).toThrow(/values\[1\] is NaN/);
  });
});
