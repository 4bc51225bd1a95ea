import { expect, test } from "vitest";
import {
  mergedTables,
  policyTableSchema,
  tableText,
} from "../../../src/analysis/equal-kl/policy-table.js";
import { curveName, runPolicies } from "../../../src/analysis/equal-kl/run-policies.js";
import { type RunFigures, withEvent } from "../../../src/analysis/trial-figures.js";
import { planTrials } from "../../../src/config/trials.js";
import { evaluatedPayload } from "../../engine/event-payloads.js";
import { smallExperiment } from "../../engine/experiments.js";
import { policy, source } from "./policies.js";

const table = (run: string, ...policies: ReturnType<typeof policy>[]) => ({
  sources: [source(run)],
  policies: policies.map((one) => ({ ...one, run })),
});

test("tables of several runs become one, and come back from their file as they were", () => {
  const one = table("r1", policy({ seed: 1 }), policy({ seed: 0, beta: 0.1 }));
  const two = table("r2", policy({ seed: 0, beta: 0.2 }), policy({ curve: "b" }));
  const merged = mergedTables([one, two, one]);
  expect(merged.policies.map(({ curve, seed, beta }) => [curve, seed, beta])).toEqual([
    ["a", 0, 0.2],
    ["a", 0, 0.1],
    ["a", 1, 0.1],
    ["b", 0, 0.1],
  ]);
  expect(merged.sources.map(({ run }) => run)).toEqual(["r1", "r2"]);
  const { table: _, ...back } = policyTableSchema.parse(JSON.parse(tableText(merged)));
  expect(back).toEqual(merged);
});

test("a policy that a second run repeats counts once, however long that took", () => {
  const took = (seconds: number) => {
    const one = policy({});
    return policy({ metrics: { ...one.metrics, seconds } });
  };
  expect(mergedTables([table("r1", took(1)), table("r2", took(2))]).policies).toEqual([
    { ...took(1), run: "r1" },
  ]);
});

test("figures that one of two equal policies lacks are the other's", () => {
  const known = policy({ tail: 1 });
  const more = { ...known, metrics: { ...known.metrics, reward_judged_worst: 3 } };
  for (const tables of [
    [table("r", known), table("s", more)],
    [table("r", more), table("s", known)],
  ]) {
    expect(mergedTables(tables).policies).toEqual([{ ...more, run: "r" }]);
  }
});

test("of a run that went on the finished state counts", () => {
  const before = { ...table("r", policy({})), sources: [source("r", { journal: null })] };
  expect(mergedTables([before, table("r", policy({}))]).sources[0]!.journal).toBe("j");
});

test.each([
  [
    "figures on other scales",
    [
      table("r1", policy({})),
      {
        ...table("r2", policy({ seed: 1 })),
        sources: [source("r2", { scale: { "evaluation.prompts": 20 } })],
      },
    ],
    "r2 and r1 are not comparable: evaluation.prompts is 20 and 10.",
  ],
  [
    "one arm with other settings",
    [table("r1", policy({})), table("r2", policy({ seed: 1, settings: "t" }))],
    "a has other settings in r2 than in r1",
  ],
  [
    "one policy with other figures",
    [table("r1", policy({ tail: 1 })), table("r2", policy({ tail: 2 }))],
    "are the same arm, β and seed with different figures",
  ],
])("refused: %s", (_, tables, words) => {
  expect(() => mergedTables(tables)).toThrow(words);
});

test("a curve is an arm and its values of keys that lead off it", () => {
  expect(curveName({ of: "a", values: { "arms.a.kl.beta": 0.1 } })).toBe("a");
  expect(curveName({ of: "a", values: { "kl.beta": 0.1, "risk.alpha": 0.2 } })).toBe(
    "a, risk.alpha 0.2",
  );
  expect(curveName({ of: "a", values: { "arms.a.kl.form": "loss" } })).toBe("a, kl.form loss");
});

test("the judge's tail is of the prompts that it scores worst at the start, in every arm of the seed", () => {
  const experiment = smallExperiment({ seeds: [0, 1] });
  const ids = Array.from({ length: 20 }, (_, at) => 100 + at);
  const figures = planTrials(experiment).reduce<RunFigures>((sum, { id, arm, seed }) => {
    // The judge's worst two of the start are the last two of seed 0 and the first two of seed 1.
    const judged = (at: number) => (seed === 0 ? -at : at);
    const arrays = {
      prompt: ids,
      prompt_score: ids.map(() => 0),
      reward: ids.map((_, at) => (arm === "sft" ? at : 10 * at)),
      judge: ids.map((_, at) => (arm === "sft" ? judged(at) : 7)),
      kl: ids.map(() => 1),
      length: ids.map(() => 5),
    };
    const payload = { ...evaluatedPayload({ final: true, metrics: { kl_mean: 1 } }), arrays };
    return withEvent(sum, { ...payload, seq: 1, time: "", trial: id });
  }, new Map());
  const found = (figures: RunFigures) =>
    Object.fromEntries(
      runPolicies("r", experiment, figures).map(({ trial, metrics }) => [
        trial,
        metrics.reward_judged_worst,
      ]),
    );
  expect(found(figures)).toMatchObject({
    "sft-s0": 18.5,
    "rlhf-s0": 185,
    "ra-rlhf-s0": 185,
    "sft-s1": 0.5,
    "rlhf-s1": 5,
  });
  // Without the start's evaluation nobody knows which prompts they are.
  const alone = new Map([...figures].filter(([id]) => id !== "sft-s0"));
  expect(found(alone)).toMatchObject({ "rlhf-s0": undefined, "rlhf-s1": 5 });
});

test("a run's policies are its final evaluations, by tenth of the prompts", () => {
  const experiment = smallExperiment({ seeds: [0] });
  const figures = planTrials(experiment).reduce<RunFigures>((sum, { id }) => {
    const arrays = {
      prompt: Array.from({ length: 20 }, (_, at) => at),
      prompt_score: Array.from({ length: 20 }, (_, at) => 19 - at),
      reward: Array.from({ length: 20 }, (_, at) => (at === 0 ? null : at)),
      judge: Array.from({ length: 20 }, (_, at) => (at > 17 ? null : 1)),
      kl: Array.from({ length: 20 }, () => 2),
      length: Array.from({ length: 20 }, () => 5),
    };
    const payload = { ...evaluatedPayload({ final: true, metrics: { kl_mean: 2 } }), arrays };
    return withEvent(sum, { ...payload, seq: 1, time: "", trial: id });
  }, new Map());
  const policies = runPolicies("r", experiment, figures);
  expect(policies.map(({ trial }) => trial)).toEqual(planTrials(experiment).map(({ id }) => id));
  const [first] = policies;
  // 19 completions have a reward; the two worst prompts, 19 and 18, are one tenth.
  expect(first!.by_prompt_score.prompt_score[0]).toBe(0);
  expect(first!.by_prompt_score.reward.at(-1)).toBe(1.5);
  expect(first!.by_prompt_score.kl).toEqual(Array.from({ length: 10 }, () => 2));
  expect(first!.by_prompt_score.judge![0]).toBeNull();
  expect(first!.metrics["cvar_0.05"]).toBe(1);
  const [a, b] = ["rlhf", "ra-rlhf"].map((arm) => policies.find(({ curve }) => curve === arm)!);
  expect(a!.settings).not.toBe(b!.settings);
  // β and defaults are no settings.
  const moved = smallExperiment({
    arms: { sft: {}, rlhf: { risk: { measure: "mean" }, kl: { beta: 0.77 } } },
  });
  const again = runPolicies("r", moved, figures).find(({ curve }) => curve === "rlhf")!;
  expect(again.beta).toBe(0.77);
  expect(again.settings).toBe(a!.settings);
  expect(JSON.parse(a!.settings).training).not.toHaveProperty("clip_ratio");
});
