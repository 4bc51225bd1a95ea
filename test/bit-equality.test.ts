/** The comparing part of bit-equality.mjs, on journals made up here. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differences } from "./bit-equality.mjs";

const started = { type: "run_started", seq: 1, time: "t1", trial: null, trials: ["a-s0", "b-s0"] };
const step = (trial: string, at: number, more: object = {}) => ({
  type: "step",
  seq: 2 + at,
  time: `t${at}`,
  trial,
  step: at,
  reward_mean: 0.1 + at,
  seconds: { total: at, update: 1 },
  episodes: { prompt: [1, 2], reward: [0.5, null] },
  ...more,
});
const base = [started, step("a-s0", 0), step("b-s0", 0), step("a-s0", 1)];
const noRules = { renamedKeys: [], renamedValues: {}, newKeys: [], newEvents: [] };

describe("differences", () => {
  it("knows a run from its equal whatever the clock, the order of keys and of trials", () => {
    const again = [
      { ...started, time: "later" },
      Object.fromEntries(Object.entries(step("b-s0", 0, { seq: 9 })).reverse()) as { type: string },
      step("a-s0", 0, { seconds: { total: 99 } }),
      step("a-s0", 1, { memory_bytes: 5 }),
    ];
    expect(differences(base, again, noRules)).toEqual([]);
  });

  it("tells any figure that differs by a bit", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(number, number, (was, is) => {
        const found = differences(
          [step("a-s0", 3, { reward_mean: was })],
          [step("a-s0", 3, { reward_mean: is })],
          noRules,
        );
        expect(found).toHaveLength(Object.is(was, is) ? 0 : 1);
        if (found.length > 0) expect(found[0]).toMatch(/^a-s0, step 3: reward_mean was .*, is /);
      }),
    );
  });

  it("names the place in an array, a missing key, and a key that nobody announced", () => {
    const now = step("a-s0", 0, { episodes: { prompt: [1, 3], reward: [0.5, null] }, extra: 1 });
    const { reward_mean: _, ...less } = now;
    expect(differences([step("a-s0", 0)], [less], noRules)).toEqual([
      "a-s0, step 0: reward_mean is gone: it was 0.1",
      "a-s0, step 0: episodes.prompt.1 was 2, is 3",
      "a-s0, step 0: extra is new: 1",
    ]);
  });

  it("stops a trial at the first event that is another, and goes on with the others", () => {
    const now = [started, { ...step("a-s0", 0), type: "evaluated" }, step("b-s0", 0, { kept: 1 })];
    expect(differences(base, now, noRules)).toEqual([
      "a-s0, event 1: step 0 was, evaluated 0 is",
      "b-s0, step 0: kept is new: 1",
    ]);
    expect(differences(base, base.slice(0, 3), noRules)).toEqual([
      "a-s0, event 2: step 1 was, no event is",
    ]);
  });

  it("takes renamed keys, renamed values and announced news for what they are, figures as they are", () => {
    const rules = {
      renamedKeys: [
        ["reward_mean", "figures.reward"],
        ["metrics.*", "scores.*.mean"],
      ],
      renamedValues: { weights: { average: "ema" } },
      newKeys: ["episodes.advantages"],
      newEvents: ["scored"],
    } as const;
    const older = [step("a-s0", 0, { metrics: { tail: 2 }, weights: "average" })];
    const { reward_mean, episodes, ...rest } = step("a-s0", 0, { weights: "ema" });
    const newer = (tail: number) => [
      { type: "scored", trial: "a-s0" },
      {
        ...rest,
        figures: { reward: reward_mean },
        scores: { tail: { mean: tail } },
        episodes: { ...episodes, advantages: [1] },
      },
    ];
    expect(differences(older, newer(2), rules)).toEqual([]);
    expect(differences(older, newer(3), rules)).toEqual([
      "a-s0, step 0: scores.tail.mean was 2, is 3",
    ]);
    expect(differences(older, newer(2), noRules)).not.toEqual([]);
  });
});
