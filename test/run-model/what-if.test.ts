import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../src/config/schema/risk.js";
import type { Episodes } from "../../src/journal/events.js";
import {
  type NoAnswer,
  type WhatIf,
  type WhatIfQuestion,
  whatIf,
} from "../../src/run-model/what-if.js";
import { armConfig, sampleRun } from "./sample-run.js";

const question: WhatIfQuestion = riskSchema.parse({ measure: "cvar", alpha: 0.4 });

const episodes: Episodes = {
  prompt: [1, 2, 3, 4, 5],
  reward: [5, 4, 3, 2, 1],
  kl: [0, 0, 0, 0, 0],
  return: [-3, 1, -1, 2, 0],
  length: [9, 9, 9, 9, 9],
  // The run kept the three lowest.
  weight: [1, 0, 1, 0, 1],
};
const past = { step: 3, seed: 0, episodes, completions: 1, promptScores: null };

function answered(answer: WhatIf | NoAnswer): WhatIf {
  if ("reason" in answer) {
    throw new Error(answer.reason);
  }
  return answer;
}

describe("whatIf", () => {
  test("ranks a step again at another α", () => {
    const answer = answered(whatIf(past, question));
    expect(answer).toMatchObject({ alpha: 0.4, kept: 2, var: -1, cvar: -2, tailMean: -2 });
    expect([...answer.weights]).toEqual([1, 0, 1, 0, 0]);
    expect(answer).toMatchObject({ added: [], removed: [4], common: 2 });
  });

  test("with another measure: q is the highest of the three lowest", () => {
    const answer = answered(whatIf(past, { ...question, measure: "cvar-gradient", alpha: 0.6 }));
    // (q − R̄)⁺ is 3, 1, 0: scaled to mean 1 over the two that count.
    expect([...answer.weights]).toEqual([1.5, 0, 0.5, 0, 0]);
    expect(answer).toMatchObject({ kept: 2, var: 0, removed: [4] });
    expect(answer.cvar).toBeCloseTo(-4 / 3);
  });

  test("with another statistic", () => {
    const byReward = answered(whatIf(past, { ...question, statistic: "reward" }));
    expect(byReward).toMatchObject({ added: [3], removed: [0, 2], common: 1 });
    const scores = new Map([5, 4, 3, 2, 1].map((id) => [id, id]));
    const byPrompt = answered(
      whatIf({ ...past, promptScores: scores }, { ...question, statistic: "prompt-score" }),
    );
    expect([...byPrompt.weights]).toEqual([1, 1, 0, 0, 0]);
  });

  test("by the weights that the step's episodes have in the natural mix", () => {
    // A third of the weight 6 is the first episode of weight 2, alone; two thirds reach the fifth.
    const importance = [2, 0.5, 1, 0.5, 2];
    const weighted = { ...past, episodes: { ...episodes, importance } };
    const third = answered(whatIf(weighted, { ...question, alpha: 1 / 3 }));
    expect(third).toMatchObject({ kept: 1, var: -3, cvar: -3, tailMean: -3 });
    const more = answered(whatIf(weighted, { ...question, alpha: 2 / 3 }));
    expect(more).toMatchObject({ kept: 3, var: 0 });
    expect(more.cvar).toBeCloseTo((2 * -3 - 1) / 4, 9);
    // Of the fifth a half: weights 2, 1 and 1 of mean 1.
    expect([...more.weights]).toEqual([1.5, 0, 0.75, 0, 0.75].map((own) => expect.closeTo(own, 6)));
    expect(more.tailMean).toBeCloseTo((2 * -3 - 1) / 5, 9);
    expect(whatIf(weighted, { ...question, measure: "cvar-policy-gradient" })).toEqual({
      reason: expect.stringContaining("not defined for episodes of different weight"),
    });
  });

  test("that weighs all tells VaR and CVaR of all", () => {
    const answer = answered(whatIf(past, { ...question, measure: "mean" }));
    expect(answer).toMatchObject({ alpha: 1, kept: 5, var: 2, added: [1, 3], removed: [] });
    expect(answer.cvar).toBeCloseTo(-0.2);
  });

  test("leaves out what has no reward", () => {
    const failed = {
      ...episodes,
      reward: [null, 4, 3, 2, 1],
      return: [null, 1, -1, 2, 0],
      weight: [0, 0, 1, 0, 1],
    };
    const answer = answered(whatIf({ ...past, episodes: failed }, { ...question, alpha: 0.5 }));
    expect([...answer.weights]).toEqual([0, 0, 1, 0, 1]);
    expect(answer).toMatchObject({ var: 0, cvar: -0.5, added: [], removed: [] });
  });

  test.each([
    ["lambda-returns", { ...question, statistic: "lambda-return" as const }, /does not keep/],
    ["scores unknown", { ...question, statistic: "prompt-score" as const }, /not known here/],
    ["α of 0", { ...question, alpha: 0 }, /alpha is 0/],
    ["α that is no number", { ...question, alpha: Number.NaN }, /alpha is NaN/],
    [
      "a temperature of 0",
      { ...question, measure: "entropic" as const, temperature: 0 },
      /temperature/,
    ],
    ["a mixture of 2", { ...question, measure: "mean-cvar" as const, mixture: 2 }, /mixture/],
  ])("has no answer for %s, and says why", (_, asked, reason) => {
    expect(whatIf(past, asked)).toEqual({ reason: expect.stringMatching(reason) });
  });

  test("has no answer where every reward failed", () => {
    const none = { ...episodes, return: [null, null, null, null, null] };
    expect(whatIf({ ...past, episodes: none }, question)).toHaveProperty("reason");
  });

  const measure = fc.constantFrom(
    "mean" as const,
    "cvar" as const,
    "cvar-gradient" as const,
    "mean-cvar" as const,
    "entropic" as const,
    "random-drop" as const,
  );
  const statistic = fc.constantFrom("return" as const, "reward" as const);

  test("asked what the run did, answers with the run's own weights", () => {
    fc.assert(
      fc.property(measure, statistic, fc.nat(30), (which, by, step) => {
        const config = armConfig({ measure: which, statistic: by });
        const { events } = sampleRun(3, step + 1, config);
        const event = events[step]!;
        const asked = { ...config.risk, alpha: event.alpha };
        const answer = answered(
          whatIf(
            { step, seed: 3, episodes: event.episodes, completions: 1, promptScores: null },
            asked,
          ),
        );
        expect([...answer.weights]).toEqual(event.episodes.weight);
        expect(answer).toMatchObject({ kept: event.kept, added: [], removed: [] });
        expect(answer.common).toBe(event.kept);
      }),
      { numRuns: 30 },
    );
  });

  test("accounts for every episode, and orders VaR, CVaR and mean", () => {
    const { events } = sampleRun(4, 40);
    fc.assert(
      fc.property(
        measure,
        statistic,
        fc.nat(39),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (which, by, step, alpha) => {
          const batch = events[step]!.episodes;
          const asked = { ...question, measure: which, statistic: by, alpha };
          const answer = answered(whatIf({ ...past, step, episodes: batch }, asked));
          const kept = (weights: ArrayLike<number>): number[] =>
            Array.from(weights, (_, at) => at).filter((at) => weights[at]! > 0);
          expect(kept(answer.weights)).toHaveLength(answer.kept);
          expect(answer.common + answer.added.length).toBe(answer.kept);
          expect(answer.common + answer.removed.length).toBe(kept(batch.weight).length);
          expect(answer.cvar).toBeLessThanOrEqual(answer.var);
          expect(answer.cvar).toBeLessThanOrEqual(events[step]!.return_mean + 1e-6);
        },
      ),
    );
  });
});
