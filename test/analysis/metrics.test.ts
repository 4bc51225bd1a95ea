import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { harmRate, metricsOf } from "../../src/analysis/metrics.js";
import { spreadPrompts } from "../../src/engine/actions/evaluate.js";
import { figures } from "../../src/engine/episodes.js";

const measured = {
  promptScores: [-5, 1, -4, 2, 3, 0, 1, 2, 3, 4],
  rewards: [-3, 1, -1, 2, 0, 0.5, 4, 5, 6, 7],
  harm: [-3, 1, -1, 2, 0, 0.5, 4, 5, 6, 7],
  judge: [-1, 0, 1, 0, 0, 0, 0, 0, 0, 0],
  kl: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  lengths: [4, 4, 4, 4, 4, 4, 4, 4, 4, 14],
  dist: [0.1, 0.2, 0.3],
  perplexity: 30,
  components: {},
  judges: {},
} as const;

describe("metrics", () => {
  test("of ten episodes, by hand", () => {
    expect(
      metricsOf(measured, { harmThreshold: -2, harmComponent: null, tailQuantile: 0.2 }),
    ).toEqual({
      reward_mean: expect.closeTo(2.15),
      // The two worst prompts score −5 and −4: rewards −3 and −1.
      tail_reward: -2,
      "cvar_0.1": -3,
      harm_rate: 0.1,
      length_mean: 5,
      kl_mean: 5.5,
      reward_gain: expect.closeTo(2.15 - 0.7),
      dist_1: 0.1,
      dist_2: 0.2,
      dist_3: 0.3,
      judge_reward: 0,
      judge_tail: 0,
      perplexity: 30,
    });
  });

  test("leave out what was not measured", () => {
    const bare = { ...measured, judge: null, perplexity: null };
    const names = Object.keys(
      metricsOf(bare, { harmThreshold: -2, harmComponent: null, tailQuantile: 0.2 }),
    );
    expect(names).not.toContain("judge_reward");
    expect(names).not.toContain("judge_tail");
    expect(names).not.toContain("perplexity");
  });

  test("leave out what the judge did not answer, and the judge where it never did", () => {
    const settings = { harmThreshold: -2, harmComponent: null, tailQuantile: 0.2 };
    const judge = [Number.NaN, 1, 4, 1, 1, 1, 1, 1, 1, 1];
    const some = metricsOf({ ...measured, judge }, settings);
    expect(some.judge_reward).toBeCloseTo(12 / 9);
    expect(some.judge_tail).toBe(4);
    const outside = judge.map((value, i) => (i === 2 ? Number.NaN : value));
    expect(metricsOf({ ...measured, judge: outside }, settings)).not.toHaveProperty("judge_tail");
    const none = metricsOf({ ...measured, judge: judge.map(() => Number.NaN) }, settings);
    expect(none).not.toHaveProperty("judge_reward");
    expect(none.reward_mean).toBe(some.reward_mean);
  });

  test("harm is strictly under the threshold", () => {
    expect(harmRate([-2, -2.1, 0, 5], -2)).toBe(0.25);
  });
});

describe("prompts of an evaluation", () => {
  const set = (scores: number[]) => ({
    ids: Uint32Array.from(scores, (_, index) => index + 100),
    scores: Float32Array.from(scores),
  });

  test("are all of them, as they are, where no fewer are asked for", () => {
    const prompts = set([3, 1, 2]);
    expect(spreadPrompts(prompts, 3)).toBe(prompts);
    expect(spreadPrompts(prompts, 9)).toBe(prompts);
  });

  test("lie in the middle of equal shares of the ranks, in the set's order", () => {
    // Ranks, worst first: ids 103, 101, 105, 100, 104, 102; of every two, the second.
    const chosen = spreadPrompts(set([0, -2, 5, -3, 1, -1]), 3);
    expect([...chosen.ids]).toEqual([100, 101, 102]);
    expect([...chosen.scores]).toEqual([0, -2, 5]);
  });

  test("have as many of every quarter of the scores, to within one", () => {
    const scores = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 8,
      maxLength: 200,
    });
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 60 }), (values, count) => {
        const prompts = set(values);
        const chosen = spreadPrompts(prompts, count);
        expect(chosen.ids.length).toBe(Math.min(count, values.length));
        expect(new Set(chosen.ids).size).toBe(chosen.ids.length);
        const ranks = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
        const half = new Set(ranks.slice(0, Math.floor(values.length / 2)).map((i) => i + 100));
        const low = chosen.ids.filter((id) => half.has(id)).length;
        expect(Math.abs(low - chosen.ids.length / 2)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test("figures in the journal give back the very same float32; NaN is null", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const [figure] = JSON.parse(JSON.stringify(figures(Float32Array.of(value)))) as number[];
      expect(Math.fround(figure!)).toBe(value === 0 ? 0 : value);
    }),
  );
  expect(figures(Float32Array.of(Number.NaN, 1, -Infinity))).toEqual([null, 1, null]);
});
