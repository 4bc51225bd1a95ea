import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quantileTexts, rewardQuantiles } from "../../src/risk/reward-quantiles.js";

const none: ReadonlySet<number> = new Set();

describe("quantiles of the returns", () => {
  test("are told apart by rank, and a failed reward has none", () => {
    expect([...rewardQuantiles([5, 1, 3, 2, 4, 6], none, 3)]).toEqual([2, 0, 1, 0, 1, 2]);
    const failed = new Set([1, 5]);
    expect([...rewardQuantiles([5, 9, 3, 2, 4, Number.NaN], failed, 2)]).toEqual([
      1, 0, 0, 0, 1, 0,
    ]);
  });

  test("are as large as each other but for one, and never lower for a higher return", () => {
    const batches = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 12 }), (returns, quantiles) => {
        const found = rewardQuantiles(returns, none, quantiles);
        const sizes = Array.from(
          { length: quantiles },
          (_, k) => found.filter((q) => q === k).length,
        );
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        for (const [i, own] of returns.entries()) {
          for (const [j, other] of returns.entries()) {
            if (own < other) expect(found[i]).toBeLessThanOrEqual(found[j]!);
          }
        }
      }),
    );
  });

  test("cannot be taken of nothing", () => {
    expect(() => rewardQuantiles([1], new Set([0]), 2)).toThrow(/returns is empty/);
    expect(() => rewardQuantiles([Number.NaN], none, 2)).toThrow(RangeError);
  });
});

test("the text of a quantile names it and their number, the lowest first", () => {
  expect(quantileTexts(2)).toEqual(["Quality 1 of 2: ", "Quality 2 of 2: "]);
});
