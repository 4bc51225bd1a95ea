/** Whole runs of the baselines, on simulated workers. */
import { describe, expect, test } from "vitest";
import { aggregate } from "../../src/analysis/aggregate.js";
import { bestOfKlBound } from "../../src/analysis/best-of-n.js";
import type { EvaluatedEvent } from "../../src/journal/events.js";
import { float32Array, uint32Array } from "../../src/protocol/arrays.js";
import type { Payload } from "../../src/protocol/messages.js";
import { type ExperimentChanges, smallExperiment } from "./experiments.js";
import { Harness } from "./run-harness.js";

async function runOf(changes: ExperimentChanges) {
  const loads: Payload<"load">[] = [];
  const commands: string[] = [];
  const updates: Payload<"update">[] = [];
  /** Conditions under which completions were drawn. */
  const asked: (readonly [command: string, condition: number | null])[] = [];
  const experiment = smallExperiment({ parallel: 1, ...changes });
  const harness = new Harness(experiment, (call) => {
    commands.push(call.command);
    if (call.command === "load") loads.push(call.payload as Payload<"load">);
    if (call.command === "rollout" || call.command === "evaluate") {
      asked.push([call.command, (call.payload as Payload<"rollout">).condition]);
    }
    if (call.command === "update") updates.push(call.payload as Payload<"update">);
    return null;
  });
  expect((await harness.run()).outcome).toBe("done");
  const evaluations = (trial: string) =>
    harness.events.filter(
      (event): event is EvaluatedEvent => event.type === "evaluated" && event.trial === trial,
    );
  return { experiment, harness, loads, commands, updates, asked, evaluations };
}

describe("best of n", () => {
  test("has the bound as its KL, a point of the frontier, and is a control", async () => {
    const seeds = [0, 1];
    const { experiment, harness, loads, evaluations } = await runOf({
      seeds,
      arms: {
        sft: {},
        rlhf: { risk: { measure: "mean" } },
        "ra-rlhf": {},
        "best-of-n": { decoding: { best_of: 4 } },
      },
    });
    const [early, final] = evaluations("best-of-n-s0");
    expect([early!.final, final!.final, early!.compute]).toEqual([false, true, 0]);
    const own = final!.arrays.kl.map((kl) => kl! - bestOfKlBound(4));
    expect(Math.max(...own.map(Math.abs))).toBeLessThan(1e-5);
    expect(final!.metrics.kl_mean).toBeCloseTo(bestOfKlBound(4), 5);
    expect(final!.metrics.perplexity).toBeUndefined();
    const sft = evaluations("sft-s0").at(-1)!;
    expect(final!.metrics.reward_mean).toBeGreaterThan(sft.metrics.reward_mean! + 0.1);
    expect(loads.map(({ decoding }) => decoding?.best_of ?? null)).toContain(4);

    const found = aggregate(experiment, harness.events);
    expect(found.frontier["best-of-n"]!.map(({ step, seed }) => [seed, step])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    const rows = found.comparisons.filter(({ b }) => b === "best-of-n");
    expect(rows.map(({ at }) => at)).not.toContain("equal-compute");
    const [atKl] = rows.filter(({ at, metric }) => at === "equal-kl" && metric === "tail_reward");
    expect(atKl).toMatchObject({
      a: "ra-rlhf",
      seeds: 2,
      where: expect.closeTo(bestOfKlBound(4), 4),
    });
    expect(found.conclusion.headline).toMatchObject({ arm: "ra-rlhf", candidates: ["ra-rlhf"] });
  });

  test("trains nothing: it loads, evaluates, and is done", async () => {
    const { commands } = await runOf({
      arms: { "best-of-n": { decoding: { best_of: 2 } } },
      sft: { steps: 0 },
    });
    expect(commands.filter((one) => ["rollout", "update", "sft", "export"].includes(one))).toEqual(
      [],
    );
  });
});

test("an instruction and experts reach the worker", async () => {
  const { loads, asked } = await runOf({
    sft: { steps: 0 },
    arms: {
      prompted: { decoding: { instruction: "Be kind." } },
      dexperts: { decoding: { expert: "builtin", anti_expert: "builtin", strength: 3 } },
    },
  });
  const named = { model: "builtin", revision: null, trust_remote_code: false };
  const told = loads.map(({ conditions, decoding, training }) => ({
    conditions,
    decoding,
    critic: training.critic,
  }));
  expect(told).toEqual([
    { conditions: ["Be kind."], decoding: { best_of: 1, experts: null }, critic: false },
    {
      conditions: [],
      decoding: {
        best_of: 1,
        experts: { expert: named, anti_expert: named, strength: 3, filter_p: 0.9 },
      },
      critic: false,
    },
  ]);
  expect(asked.filter(([command]) => command === "evaluate").map(([, place]) => place)).toEqual([
    0,
    null,
  ]);
});

test("RAFT learns from the best of each group alone", async () => {
  const { updates, harness } = await runOf({
    sft: { steps: 0 },
    arms: {
      mine: {
        training: { algorithm: "raft", completions: 4, epochs: 1 },
        risk: { measure: "mean" },
      },
    },
  });
  const steps = harness.steps("mine-s0");
  expect(updates).toHaveLength(steps.length);
  for (const [m, { weights, advantages }] of updates.entries()) {
    expect(weights).toBeNull();
    const sent = float32Array(advantages!);
    const returns = (steps[m]!.episodes as { return: number[] }).return;
    for (let start = 0; start < sent.length; start += 4) {
      const own = [...sent.subarray(start, start + 4)];
      const best = returns.slice(start, start + 4);
      expect(own.indexOf(1)).toBe(best.indexOf(Math.max(...best)));
      expect(own.toSorted()).toEqual([0, 0, 0, 1]);
    }
  }
});

test("reward conditioning samples under the best quantile, and learns each under its own", async () => {
  const { updates, loads, asked, harness } = await runOf({
    sft: { steps: 0 },
    arms: {
      mine: {
        training: { algorithm: "quark", quantiles: 4 },
        risk: { measure: "mean" },
        kl: { form: "loss", loss: "exact" },
      },
    },
  });
  expect(loads[0]!.conditions).toEqual([1, 2, 3, 4].map((k) => `Quality ${k} of 4: `));
  // Before training nobody knows what the texts mean.
  expect(asked[0]).toEqual(["evaluate", null]);
  expect(new Set(asked.slice(1).map(([, condition]) => condition))).toEqual(new Set([3]));
  const steps = harness.steps("mine-s0");
  for (const [m, { advantages, conditions, kl_loss }] of updates.entries()) {
    const returns = (steps[m]!.episodes as { return: number[] }).return;
    expect([...float32Array(advantages!)]).toEqual(Array(16).fill(1));
    expect(kl_loss?.form).toBe("exact");
    const found = [...uint32Array(conditions!)];
    for (const quantile of [0, 1, 2, 3]) {
      const own = returns.filter((_, i) => found[i] === quantile);
      const above = returns.filter((_, i) => found[i]! > quantile);
      expect(own).toHaveLength(4);
      expect(Math.max(...own)).toBeLessThanOrEqual(Math.min(...above, Infinity));
    }
  }
});

test("a Lagrangian's multiplier is journaled, and follows the mean cost of each batch", async () => {
  const { harness, updates } = await runOf({
    sft: { steps: 0 },
    reward: [{ name: "quality" }, { name: "harm", weight: 0.5 }],
    evaluation: { harm_threshold: -2, every: 0 },
    arms: {
      lagrangian: {
        risk: {
          measure: "mean-cost",
          component: "harm",
          limit: -1,
          multiplier: 0.5,
          multiplier_rate: 0.1,
        },
      },
    },
  });
  let lambda = 0.5;
  const steps = harness.steps("lagrangian-s0");
  expect(updates).toHaveLength(steps.length);
  for (const [m, step] of steps.entries()) {
    const { multiplier, cost_mean } = step.risk_figures!;
    expect(multiplier).toBeCloseTo(lambda, 6);
    lambda = Math.max(0, lambda + 0.1 * (cost_mean! + 1));
    expect(step.memory!.measure!.multiplier).toBeCloseTo(lambda, 6);
    // A critic's: every episode counts, with another reward.
    expect(updates[m]!.rewards).not.toBeNull();
    expect(new Set(float32Array(updates[m]!.weights!))).toEqual(new Set([1]));
  }
  expect(lambda).not.toBe(0.5);
});
