import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { type Batch, selectEpisodes } from "../../../src/engine/actions/select-episodes.js";

const batch: Batch = {
  returns: Float32Array.of(3, 1, 2, 0),
  lambdaReturns: Float32Array.of(0, 1, 2, 3),
  rewards: Float32Array.of(1, 0, 3, 2),
  promptScores: Float32Array.of(2, 3, 0, 1),
};
const risk = (changes: object) => riskSchema.parse({ alpha: 0.5, warmup: 2, rho: 0.8, ...changes });

describe("weights of a batch", () => {
  test.each([
    ["return", [0, 1, 0, 1]],
    ["lambda-return", [1, 1, 0, 0]],
    ["reward", [1, 1, 0, 0]],
    ["prompt-score", [0, 0, 1, 1]],
  ])("cvar keeps the worst by %s", (statistic, weights) => {
    const selected = selectEpisodes(risk({ statistic }), batch, 9, 10, 0);
    expect([...selected.weights]).toEqual(weights);
    expect(selected).toMatchObject({ alpha: 0.5, kept: 2 });
  });

  test("everything is kept during the warm start, whatever the measure", () => {
    for (const measure of ["mean", "cvar", "cvar-gradient", "mean-cvar", "random-drop"]) {
      const selected = selectEpisodes(risk({ measure }), batch, 2, 10, 0);
      expect([...selected.weights]).toEqual([1, 1, 1, 1]);
      expect(selected).toMatchObject({ alpha: 1, kept: 4 });
    }
  });

  test("risk-neutral needs no schedule: a warm start longer than the run is no matter", () => {
    const selected = selectEpisodes(risk({ measure: "mean", warmup: 99 }), batch, 0, 3, 0);
    expect(selected).toMatchObject({ alpha: 1, kept: 4 });
    expect(() => selectEpisodes(risk({ warmup: 99 }), batch, 0, 3, 0)).toThrow(/warm/);
  });

  test("random-drop keeps as many as cvar, drawn from the seed and the step alone", () => {
    const drop = (step: number, seed: number) =>
      selectEpisodes(risk({ measure: "random-drop" }), batch, step, 10, seed);
    expect(drop(9, 1).kept).toBe(2);
    expect(drop(9, 1)).toEqual(drop(9, 1));
    const drawn = new Set([0, 1, 2, 3, 4, 5, 6, 7].map((seed) => drop(9, seed).weights.join()));
    expect(drawn.size).toBeGreaterThan(1);
  });

  test("the weights are those of the batch without its failed episodes, which have none", () => {
    const episode = fc.record({
      value: fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 }),
      fails: fc.boolean(),
    });
    const measures = ["mean", "cvar", "cvar-gradient", "mean-cvar", "entropic", "random-drop"];
    const batches = fc
      .array(episode, { minLength: 2, maxLength: 40 })
      .filter((episodes) => episodes.some(({ fails }) => !fails));
    fc.assert(
      fc.property(batches, fc.constantFrom(...measures), fc.nat(30), (episodes, measure, step) => {
        const of = (values: number[]) => {
          const own = Float32Array.from(values);
          return { returns: own, lambdaReturns: own, rewards: own, promptScores: own };
        };
        const failed = new Set(episodes.flatMap(({ fails }, i) => (fails ? [i] : [])));
        const whole = of(episodes.map(({ value, fails }) => (fails ? Number.NaN : value)));
        const scored = episodes.filter(({ fails }) => !fails);
        const part = of(scored.map(({ value }) => value));
        const selected = selectEpisodes(risk({ measure }), whole, step, 31, 7, failed);
        const expected = selectEpisodes(risk({ measure }), part, step, 31, 7);
        expect([...selected.weights].filter((_, i) => !failed.has(i))).toEqual([
          ...expected.weights,
        ]);
        expect([...selected.weights].filter((_, i) => failed.has(i)).every((w) => w === 0)).toBe(
          true,
        );
        expect(selected).toMatchObject({ kept: expected.kept, alpha: expected.alpha });
      }),
    );
  });

  test("the kept of cvar have the lowest returns there are", () => {
    const returns = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 4 });
    fc.assert(
      fc.property(returns, fc.nat(30), (values, step) => {
        const own = Float32Array.from(values);
        const all = { returns: own, lambdaReturns: own, rewards: own, promptScores: own };
        const { weights, kept, alpha } = selectEpisodes(risk({}), all, step, 31, 0);
        expect(kept).toBe(Math.ceil(own.length * (alpha - 1e-12)));
        const lowest = [...own].sort((a, b) => a - b)[kept - 1]!;
        const highestKept = Math.max(...own.filter((_, i) => weights[i]! > 0));
        expect(highestKept).toBe(lowest);
      }),
    );
  });
});
