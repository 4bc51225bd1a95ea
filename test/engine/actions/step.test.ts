import { describe, expect, test } from "vitest";
import type { StepEvent } from "../../../src/journal/events.js";
import type { Payload, Result } from "../../../src/protocol/messages.js";
import { smallExperiment } from "../experiments.js";
import { Harness } from "../run-harness.js";

const lone = (changes: Parameters<typeof smallExperiment>[0]) =>
  smallExperiment({ sft: { steps: 0 }, parallel: 1, evaluation: { every: 0 }, ...changes });

describe("a step's event", () => {
  test("holds figures that follow from its own episodes", async () => {
    const harness = new Harness(lone({ arms: { "ra-rlhf": {} } }));
    await harness.run();
    const step = harness.steps("ra-rlhf-s0")[5]!;
    const episodes = step.episodes as Extract<StepEvent["episodes"], { weight: number[] }>;
    const returns = episodes.return as number[];
    const kept = returns.filter((_, episode) => episodes.weight[episode]! > 0);
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(step.kept).toBe(8);
    expect(kept.length).toBe(8);
    expect(step.batch).toBe(16);
    expect(step.return_mean).toBeCloseTo(mean(returns), 6);
    expect(step.reward_mean).toBeCloseTo(mean(episodes.reward as number[]), 6);
    // At α = 0.5 with the worst half kept, CVaR is the mean of the kept, VaR the best of them.
    expect(step.cvar).toBeCloseTo(mean(kept), 6);
    expect(step.tail_mean).toBeCloseTo(mean(kept), 6);
    expect(step.var).toBeCloseTo(Math.max(...kept), 6);
    expect(step.kl_mean).toBeCloseTo(mean(episodes.kl as number[]), 6);
    const keptKl = (episodes.kl as number[]).filter((_, i) => episodes.weight[i]! > 0);
    expect(step.kl_controlled).toBeCloseTo(mean(keptKl), 6);
    expect(step.length_mean).toBe(mean(episodes.length));
  });

  test("counts compute as the worker counts tokens, and only goes up", async () => {
    const tokens: number[] = [];
    const harness = new Harness(lone({ arms: { "ra-rlhf": {} } }), ({ command, pass }) =>
      command === "update"
        ? pass().then((result) => {
            tokens.push((result as Result<"update">).tokens);
            return result;
          })
        : null,
    );
    await harness.run();
    let sum = 0;
    const expected = tokens.map((count) => {
      sum += count;
      return sum;
    });
    expect(harness.steps("ra-rlhf-s0").map(({ compute }) => compute)).toEqual(expected);
  });

  test("splits its seconds; what the workers did not use is the controller's", async () => {
    const harness = new Harness(lone({ arms: { rlhf: {} } }), ({ command, pass }) => {
      now += { rollout: 0.875, update: 1, texts: 2 }[command as string] ?? 0;
      if (command === "rollout") {
        const seconds = { sample: 0.5, reference: 0.25, reward: 0.125 };
        return pass().then((result) => ({ ...(result as Result<"rollout">), seconds }));
      }
      return command === "update"
        ? pass().then((result) => ({ ...(result as Result<"update">), seconds: 1 }))
        : null;
    });
    let now = 0;
    harness.clock = () => (now += 0.001);
    await harness.run();
    const { seconds } = harness.steps("rlhf-s0")[0]!;
    expect(seconds).toMatchObject({
      rollout: 0.875,
      sample: 0.5,
      reference: 0.25,
      reward: 0.125,
      update: 1,
    });
    expect(seconds.texts).toBeCloseTo(2, 2);
    expect(seconds.controller).toBeCloseTo(seconds.total - 1.875 - seconds.texts, 9);
    expect(seconds.controller).toBeLessThan(1);
  });

  test("shows the learning rate in force, down to 0 at M where it is linear", async () => {
    const factors: number[] = [];
    const harness = new Harness(
      lone({
        arms: { rlhf: { training: { learning_rate: 0.01, learning_rate_schedule: "linear" } } },
      }),
      ({ command, payload }) => {
        if (command === "update") {
          factors.push((payload as Payload<"update">).learning_rate_factor);
        }
        return null;
      },
    );
    await harness.run();
    expect(factors).toEqual([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6].map((f) => expect.closeTo(f)));
    expect(harness.steps("rlhf-s0")[3]!.learning_rate).toBeCloseTo(0.005);
  });

  test("tells the fraction of hard prompts, drawn from the worst by score", async () => {
    const sampling = { strategy: "stratified", batch_fraction: 0.25, hard_fraction: 0.1 } as const;
    const harness = new Harness(lone({ arms: { hard: { sampling } } }));
    await harness.run();
    expect(harness.steps("hard-s0").map(({ batch_fraction }) => batch_fraction)).toEqual(
      Array(6).fill(0.25),
    );
  });

  test("β follows the KL that the controller looks at", async () => {
    const harness = new Harness(lone({ arms: { rlhf: { kl: { k_beta: 0.5 } } } }));
    await harness.run();
    const steps = harness.steps("rlhf-s0");
    for (const [m, { beta, kl_controlled }] of steps.slice(0, -1).entries()) {
      const error = Math.max(-0.2, Math.min(0.2, (kl_controlled - 6) / 6));
      expect(steps[m + 1]!.beta).toBe(beta * (1 + 0.5 * error));
    }
  });
});

test("seeds differ by purpose and step, and not by arm", async () => {
  const seeds = new Map<string, number[]>();
  const harness = new Harness(
    lone({ arms: { rlhf: {}, "ra-rlhf": {} }, evaluation: { every: 3 } }),
    ({ trial, command, payload }) => {
      if ("seed" in (payload as object)) {
        const key = `${trial} ${command}`;
        const { seed } = payload as { seed: number };
        seeds.set(key, [...(seeds.get(key) ?? []), seed]);
      }
      return null;
    },
  );
  await harness.run();
  for (const command of ["load", "rollout", "update", "evaluate"]) {
    expect(seeds.get(`ra-rlhf-s0 ${command}`)).toEqual(seeds.get(`rlhf-s0 ${command}`));
  }
  const rollouts = seeds.get("rlhf-s0 rollout")!;
  const updates = seeds.get("rlhf-s0 update")!;
  expect(new Set([...rollouts, ...updates]).size).toBe(12);
  // Evaluations share one: common random numbers along the frontier too.
  expect(new Set(seeds.get("rlhf-s0 evaluate")).size).toBe(1);
});
