import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { conditionalValueAtRisk, valueAtRisk } from "../../src/risk/tail.js";
import { effectiveSampleSize, weightedMean, weightedTail } from "../../src/risk/weighted-tail.js";
import { generator } from "../../src/stats/random.js";

const episodes = fc
  .array(
    fc.record({
      value: fc.integer({ min: -50, max: 50 }),
      weight: fc.double({ min: 0.05, max: 5, noNaN: true }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((all) => ({
    values: all.map(({ value }) => value),
    weights: all.map(({ weight }) => weight),
  }));
const alphas = fc.double({ min: 0.02, max: 1, noNaN: true });
const sum = (values: Iterable<number>) => [...values].reduce((total, one) => total + one, 0);

describe("the weighted tail", () => {
  test("by hand: a boundary episode counts in part", () => {
    // Weights 1, 2, 1 on returns 1, 2, 3: half of the mass 4 is all of the first and half of the second.
    const tail = weightedTail([3, 1, 2], [1, 1, 2], 0.5);
    expect([...tail.parts]).toEqual([0, 1, 0.5]);
    expect(tail).toMatchObject({ var: 2, cvar: 1.5 });
  });

  test("has α of the weight, from below, and a CVaR under its VaR", () => {
    fc.assert(
      fc.property(episodes, alphas, ({ values, weights }, alpha) => {
        const { parts, var: quantile, cvar } = weightedTail(values, weights, alpha);
        expect(sum(parts.map((part, at) => part * weights[at]!))).toBeCloseTo(
          alpha * sum(weights),
          8,
        );
        for (const [at, part] of parts.entries()) {
          expect(part >= 0 && part <= 1).toBe(true);
          if (values[at]! < quantile) expect(part).toBe(1);
          if (values[at]! > quantile) expect(part).toBe(0);
        }
        expect(cvar).toBeLessThanOrEqual(quantile);
      }),
    );
  });

  test("is that of tail.ts where all weights are equal and α·B is whole", () => {
    const whole = fc
      .array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 1, maxLength: 60 })
      .chain((values) => fc.tuple(fc.constant(values), fc.integer({ min: 1, max: values.length })));
    fc.assert(
      fc.property(whole, ([values, kept]) => {
        const alpha = kept / values.length;
        const tail = weightedTail(values, new Float64Array(values.length).fill(0.7), alpha);
        expect(tail.var).toBe(valueAtRisk(values, alpha));
        expect(tail.cvar).toBeCloseTo(conditionalValueAtRisk(values, alpha), 10);
      }),
    );
  });

  test("does not change where an episode is split into two of half its weight", () => {
    fc.assert(
      fc.property(episodes, alphas, ({ values, weights }, alpha) => {
        const halves = weights.map((weight) => weight / 2);
        const once = weightedTail(values, weights, alpha);
        const split = weightedTail([...values, ...values], [...halves, ...halves], alpha);
        expect(split.cvar).toBeCloseTo(once.cvar, 8);
      }),
    );
  });

  test("is the largest of the lower bounds t − E[(t − R)₊]/α of Rockafellar and Uryasev", () => {
    fc.assert(
      fc.property(episodes, alphas, ({ values, weights }, alpha) => {
        const total = sum(weights);
        const bounds = values.map(
          (t) =>
            t - sum(values.map((r, at) => weights[at]! * Math.max(0, t - r))) / (alpha * total),
        );
        expect(weightedTail(values, weights, alpha).cvar).toBeCloseTo(Math.max(...bounds), 8);
      }),
    );
  });

  test("refuses what is no weight", () => {
    expect(() => weightedTail([1], [-1], 0.5)).toThrow(/weights\[0\] is -1/);
    expect(() => weightedTail([1, 2], [0, 0], 0.5)).toThrow(/every weight is 0/);
    expect(() => weightedTail([1, 2], [1], 0.5)).toThrow(/must match/);
    expect(() => weightedTail([], [], 0.5)).toThrow(/empty/);
    expect(() => weightedTail([1], [1], 0)).toThrow(/alpha/);
  });
});

/**
 * Two strata: hard prompts, 10 % of all, whose return is −U, and easy ones, whose return is 1 + U, U
 * uniform on [0, 1]. At α = 0.05 VaR is −0.5 and CVaR −0.75.
 */
describe("estimates of the natural mix from batches of 60 % hard prompts", () => {
  const [hardShare, hardSampled, alpha, batch] = [0.1, 0.6, 0.05, 100];
  const weightOf = (isHard: boolean) =>
    isHard ? hardShare / hardSampled : (1 - hardShare) / (1 - hardSampled);
  const hardInBatch = hardSampled * batch;
  const weights = Float64Array.from({ length: batch }, (_, at) => weightOf(at < hardInBatch));
  const random = generator(5);
  const returns = () =>
    Float64Array.from({ length: batch }, (_, at) => (at < hardInBatch ? -random() : 1 + random()));

  test("the weighted tail at the known VaR is unbiased: its expectation is CVaR exactly", () => {
    // E Σ w·R·1[R ≤ −½] / (α·B), R = −U: 60 episodes of weight 1/6 whose E[R; R ≤ −½] is −3/8.
    expect((hardInBatch * weightOf(true) * (-3 / 8)) / (alpha * batch)).toBeCloseTo(-0.75, 12);
    expect(sum(weights)).toBeCloseTo(batch, 10);
  });

  test("mean, VaR and CVaR of many batches are those of the natural mix", () => {
    const draws = 4000;
    const found = Array.from({ length: draws }, () => {
      const values = returns();
      return { ...weightedTail(values, weights, alpha), mean: weightedMean(values, weights) };
    });
    const meanOf = (figure: (one: (typeof found)[number]) => number) =>
      sum(found.map(figure)) / draws;
    const errorOf = (figure: (one: (typeof found)[number]) => number) => {
      const centre = meanOf(figure);
      return Math.sqrt(sum(found.map((one) => (figure(one) - centre) ** 2)) / draws ** 2);
    };
    // Four standard errors; the plug-in CVaR has a bias of order 1/60 of its spread besides.
    const natural = hardShare * -0.5 + (1 - hardShare) * 1.5;
    expect(Math.abs(meanOf(({ mean }) => mean) - natural)).toBeLessThan(
      4 * errorOf(({ mean }) => mean),
    );
    expect(errorOf(({ cvar }) => cvar)).toBeLessThan(0.001);
    expect(Math.abs(meanOf(({ cvar }) => cvar) + 0.75)).toBeLessThan(0.01);
    expect(Math.abs(meanOf(({ var: quantile }) => quantile) + 0.5)).toBeLessThan(0.02);
  });

  test("batches as drawn say something else", () => {
    const values = returns();
    expect(conditionalValueAtRisk(values, alpha)).toBeLessThan(-0.9);
  });
});

describe("the effective sample size", () => {
  test("is the number of episodes for equal weights, and 1 for a single one that counts", () => {
    expect(effectiveSampleSize([2, 2, 2])).toBeCloseTo(3, 12);
    expect(effectiveSampleSize([0, 5, 0])).toBe(1);
    expect(effectiveSampleSize([1, 3])).toBeCloseTo(16 / 10, 12);
  });

  test("lies between 1 and n", () => {
    fc.assert(
      fc.property(episodes, ({ weights }) => {
        const found = effectiveSampleSize(weights);
        expect(found).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(found).toBeLessThanOrEqual(weights.length * (1 + 1e-9));
      }),
    );
  });
});
