import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../../src/config/schema/risk.js";
import {
  type Batch,
  type SelectedEpisodes,
  selectEpisodes,
} from "../../../src/engine/actions/select-episodes.js";
import { batchOf, positionAt } from "./batches.js";

const batch = batchOf([3, 1, 2, 0], {
  lambdaReturns: Float32Array.of(0, 1, 2, 3),
  rewards: Float32Array.of(1, 0, 3, 2),
  promptScores: Float32Array.of(2, 3, 0, 1),
});

/** At step m of M. */
function selectAt(
  own: ReturnType<typeof risk>,
  whole: Batch,
  step: number,
  iterations: number,
  seed: number,
  failed?: ReadonlySet<number>,
): SelectedEpisodes & { readonly alpha: number } {
  const position = positionAt(own, step, iterations, seed);
  return { ...selectEpisodes(own, whole, position, failed), alpha: position.alpha };
}

const risk = (changes: object) => riskSchema.parse({ alpha: 0.5, warmup: 2, rho: 0.8, ...changes });

describe("weights of a batch", () => {
  test.each([
    ["return", [0, 1, 0, 1]],
    ["lambda-return", [1, 1, 0, 0]],
    ["reward", [1, 1, 0, 0]],
    ["prompt-score", [0, 0, 1, 1]],
  ])("cvar keeps the worst by %s", (statistic, weights) => {
    const selected = selectAt(risk({ statistic }), batch, 9, 10, 0);
    expect([...selected.weights]).toEqual(weights);
    expect(selected).toMatchObject({ alpha: 0.5, kept: 2 });
  });

  test("everything is kept during the warm start, whatever the measure", () => {
    for (const measure of ["mean", "cvar", "cvar-gradient", "mean-cvar", "random-drop"]) {
      const selected = selectAt(risk({ measure }), batch, 2, 10, 0);
      expect([...selected.weights]).toEqual([1, 1, 1, 1]);
      expect(selected).toMatchObject({ alpha: 1, kept: 4 });
    }
  });

  test("risk-neutral needs no schedule: a warm start longer than the run is no matter", () => {
    const selected = selectAt(risk({ measure: "mean", warmup: 99 }), batch, 0, 3, 0);
    expect(selected).toMatchObject({ alpha: 1, kept: 4 });
    expect(() => selectAt(risk({ warmup: 99 }), batch, 0, 3, 0)).toThrow(/warm/);
  });

  test("random-drop keeps as many as cvar, drawn from the seed and the step alone", () => {
    const drop = (step: number, seed: number) =>
      selectAt(risk({ measure: "random-drop" }), batch, step, 10, seed);
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
        const failed = new Set(episodes.flatMap(({ fails }, i) => (fails ? [i] : [])));
        const whole = batchOf(episodes.map(({ value, fails }) => (fails ? Number.NaN : value)));
        const scored = episodes.filter(({ fails }) => !fails);
        const part = batchOf(scored.map(({ value }) => value));
        const selected = selectAt(risk({ measure }), whole, step, 31, 7, failed);
        const expected = selectAt(risk({ measure }), part, step, 31, 7);
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
        const all = batchOf(own);
        const { weights, kept, alpha } = selectAt(risk({}), all, step, 31, 0);
        expect(kept).toBe(Math.ceil(own.length * (alpha - 1e-12)));
        const lowest = [...own].sort((a, b) => a - b)[kept - 1]!;
        const highestKept = Math.max(...own.filter((_, i) => weights[i]! > 0));
        expect(highestKept).toBe(lowest);
      }),
    );
  });

  test("of signed advantages: 1 where there is one, and a failed episode has none", () => {
    const own = risk({ measure: "cvar-policy-gradient", annealing: "constant" });
    const failed = new Set([1]);
    const selected = selectAt(own, batchOf([3, Number.NaN, 2, 0, 5]), 0, 3, 0, failed);
    // q is the second lowest of four, 2.
    expect([...selected.advantages!]).toEqual([-0, 0, -0, -4, -0]);
    expect([...selected.weights]).toEqual([0, 0, 0, 1, 0]);
    expect(selected).toMatchObject({ kept: 1, rewards: null, memory: null });
    const ties = selectAt(own, batchOf([1, 1, 1, 1]), 0, 3, 0);
    expect([...ties.weights]).toEqual([1, 1, 0, 0]);
  });

  test("of rewards: everybody counts, and the memory is handed on", () => {
    const own = risk({ measure: "hinge", annealing: "constant" });
    const failed = new Set([0]);
    const position = { ...positionAt(own, 1, 3), memory: { threshold: 1, level: 0.5 } };
    const selected = selectEpisodes(own, batchOf([Number.NaN, 3, -1, 0.5]), position, failed);
    expect([...selected.rewards!]).toEqual([0, -0, -4, -1]);
    expect([...selected.weights]).toEqual([0, 1, 1, 1]);
    // 2 of 3 lie under 1: t + 0.05·(1 − (2/3)/0.5).
    expect(selected.memory!.threshold).toBeCloseTo(1 - 0.05 / 3, 9);
    expect(selected).toMatchObject({ kept: 3, advantages: null, figures: { threshold: 1 } });
  });

  test("of one component: the others come to its rewards as they are", () => {
    const harm = Float32Array.of(-4, 0, -1, -2);
    const quality = Float32Array.of(1, 2, 3, 4);
    const trained = harm.map((value, at) => value + quality[at]!);
    const parts = batchOf(trained, { trainedByComponent: { quality, harm } });
    const about = { component: "harm", component_weight: 2, annealing: "constant" };
    const hinged = selectAt(risk({ ...about, measure: "hinge", threshold: -1 }), parts, 0, 3, 0);
    // −(−1 − harm)⁺/0.5 is −6, 0, 0, −2.
    expect([...hinged.rewards!]).toEqual([1 - 12, 2, 3, 4 - 4]);
    // cvar ranks by it alone, mean counts it twice.
    expect([...selectAt(risk(about), parts, 0, 3, 0).weights]).toEqual([1, 0, 0, 1]);
    const neutral = selectAt(risk({ ...about, measure: "mean" }), parts, 0, 3, 0);
    expect([...neutral.rewards!]).toEqual([1 - 8, 2, 3 - 2, 4 - 4]);
    const even = selectAt(risk({ ...about, measure: "mean", component_weight: 1 }), parts, 0, 3, 0);
    expect(even.rewards).toBeNull();
    expect(() => selectAt(risk({ ...about, component: "joy" }), parts, 0, 3, 0)).toThrow(
      /joy.*quality, harm/,
    );
  });
});
