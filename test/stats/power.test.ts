import { describe, expect, test } from "vitest";
import { probabilityOfImprovement, standardisedDifference } from "../../src/stats/effect-size.js";
import { holm } from "../../src/stats/holm.js";
import { detectableDifference, pairedPower, pairsNeeded } from "../../src/stats/power.js";

describe("power of the paired t-test, against SciPy's noncentral t", () => {
  test.each([
    [1, 3, 0.1792553937765518],
    [1, 10, 0.8030968566327219],
    [2, 5, 0.9088848681009404],
    [0.3, 50, 0.5476570389705149],
    [0, 7, 0.05],
    [0.1, 1000, 0.8847890988907141],
  ])("effect %d, %d pairs", (effect, pairs, expected) => {
    expect(pairedPower(effect, pairs)).toBeCloseTo(expected, 10);
  });

  test.each([
    [3, 4],
    [2, 5],
    [1.5, 6],
    [-1, 10],
    [0.5, 34],
    [0.3, 90],
    [0.1, 787],
  ])("effect %d needs %d pairs", (effect, pairs) => {
    expect(pairsNeeded(effect * 0.7, 0.7)).toBe(pairs);
  });

  test("the rule for many pairs goes on where the search ends", () => {
    for (const effect of [0.0886, 0.088, 0.08]) {
      const pairs = pairsNeeded(effect, 1)!;
      expect(pairedPower(effect, pairs)).toBeGreaterThan(0.7999);
      expect(pairedPower(effect, pairs - 2)).toBeLessThan(0.8);
    }
  });

  test("what so many pairs can see needs so many pairs", () => {
    for (const pairs of [3, 5, 12]) {
      const difference = detectableDifference(pairs, 2);
      expect(pairsNeeded(difference * 1.0001, 2)).toBe(pairs);
      expect(pairsNeeded(difference * 0.999, 2)).toBe(pairs + 1);
    }
  });

  test("no difference is never seen; without spread two pairs are enough", () => {
    expect(pairsNeeded(0, 1)).toBeNull();
    expect(pairsNeeded(0.1, 0)).toBe(2);
    expect(detectableDifference(3, 0)).toBe(0);
    expect(() => pairsNeeded(1, Number.NaN)).toThrow("sd is NaN");
  });
});

describe("Holm", () => {
  test("multiplies the i-th smallest by what is left, and never goes down", () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.6, null, 0.5])).toEqual([1, null, 1]);
    expect(holm([null])).toEqual([null]);
  });

  test("one test is left as it is; what is no probability is refused", () => {
    expect(holm([0.04])).toEqual([0.04]);
    expect(() => holm([0.1, 1.2])).toThrow("p[1] is 1.2");
  });
});

describe("effect sizes", () => {
  test("d_z is the mean over the deviation of the pairs", () => {
    expect(standardisedDifference([3, 5, 4], [1, 2, 3])).toBeCloseTo(2, 12);
    expect(standardisedDifference([1], [0])).toBeNull();
    expect(standardisedDifference([1, 2], [0, 1])).toBeNull();
  });

  test("probability of improvement counts ties half", () => {
    expect(probabilityOfImprovement([1, 2, 3, 4], [0, 2, 5, 1])).toBe(0.625);
    expect(() => probabilityOfImprovement([1], [1, 2])).toThrow("must match");
  });
});
