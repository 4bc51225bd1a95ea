/** Whole runs with each learning algorithm, on simulated workers. */
import { describe, expect, test } from "vitest";
import type { StepEvent } from "../../src/journal/events.js";
import { float32Array, float32Bytes, uint32Array } from "../../src/protocol/arrays.js";
import type { Payload, Result } from "../../src/protocol/messages.js";
import { simulatedWorker } from "../worker/simulated/worker.js";
import { smallExperiment } from "./experiments.js";
import { figuresOf, Harness, type Trick } from "./run-harness.js";

type Arrays = Extract<StepEvent["episodes"], { weight: number[] }>;
type Arm = NonNullable<NonNullable<Parameters<typeof smallExperiment>[0]>["arms"]>[string];

const lone = (arm: Arm) =>
  smallExperiment({
    arms: { mine: arm },
    sft: { steps: 0 },
    parallel: 1,
    evaluation: { every: 0 },
  });

const groups = { rloo: 4, grpo: 8, reinforce: 1 } as const;

/** The arm's run, and what its worker was sent. */
async function sentBy(arm: Arm, trick: Trick = () => null) {
  const loads: Payload<"load">[] = [];
  const rollouts: Payload<"rollout">[] = [];
  const updates: Payload<"update">[] = [];
  const harness = new Harness(lone(arm), (call) => {
    if (call.command === "load") loads.push(call.payload as Payload<"load">);
    if (call.command === "rollout") rollouts.push(call.payload as Payload<"rollout">);
    if (call.command === "update") updates.push(call.payload as Payload<"update">);
    return trick(call);
  });
  const { outcome } = await harness.run();
  return { harness, outcome, loads, rollouts, updates, steps: harness.steps("mine-s0") };
}

const arraysOf = (step: StepEvent) => step.episodes as Arrays;
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe.each(["rloo", "grpo", "reinforce"] as const)("%s", (algorithm) => {
  const completions = groups[algorithm];
  const training = { algorithm, completions };

  test("trains without a value head, on advantages that the journal has", async () => {
    const { outcome, loads, rollouts, updates, steps } = await sentBy({ training });
    expect(outcome).toBe("done");
    expect(loads.map((load) => load.training.critic)).toEqual([false]);
    for (const [m, step] of steps.entries()) {
      const { prompt, weight, advantage } = arraysOf(step);
      const asked = [...uint32Array(rollouts[m]!.prompts)];
      expect(rollouts[m]).toMatchObject({
        completions,
        kl_coefficient: algorithm === "grpo" ? null : step.beta,
      });
      expect(asked).toHaveLength(16 / completions);
      expect(prompt).toEqual(asked.flatMap((id) => Array(completions).fill(id)));
      expect(updates[m]!.weights).toBeNull();
      const sent = [...float32Array(updates[m]!.advantages!)];
      for (const [i, value] of sent.entries()) expect(advantage![i]).toBeCloseTo(value, 5);
      expect(advantage!.filter((value, i) => value !== 0 && weight[i] === 0)).toEqual([]);
      expect(advantage!.some((value) => value < 0)).toBe(true);
      expect(step.groups).toEqual(
        completions === 1
          ? undefined
          : { prompts: 16 / completions, completions, equal: 0, spread: expect.any(Number) },
      );
    }
  });

  test("continues from a checkpoint as if it had never stopped", async () => {
    const experiment = lone({ training });
    const undisturbed = new Harness(experiment);
    await undisturbed.run();
    const stopped = new Harness(experiment, undefined, (event, harness) => {
      if (event.type === "step" && event.step === 4) harness.stop.abort();
    });
    stopped.keep = true;
    expect((await stopped.run()).outcome).toBe("interrupted");
    const resumed = new Harness(experiment, undefined, undefined, null, stopped.recorder);
    expect((await resumed.run([...stopped.events])).outcome).toBe("done");
    const stepsOf = (harness: Harness) =>
      figuresOf(harness.events, "mine-s0").filter((event) => "episodes" in event);
    expect(stepsOf(resumed)).toEqual(stepsOf(undisturbed));
  });

  test("leaves failed episodes out of every mean", async () => {
    const experiment = lone({ training, reward: { max_failed_fraction: 0.9 } });
    const lost = new Set([1, 5, 6, 7, 15]);
    const harness = new Harness(experiment, ({ command, pass }) =>
      command === "rollout"
        ? pass().then((result) => failing(result as Result<"rollout">, lost))
        : null,
    );
    expect((await harness.run()).outcome).toBe("done");
    for (const step of harness.steps("mine-s0")) {
      expect(step.failed).toBe(5);
      const { advantage, weight } = arraysOf(step);
      for (const episode of lost) expect(advantage![episode]).toBe(0);
      // Of episodes 4 to 7 only one is left: with four completions it has nothing to compare with.
      if (algorithm === "rloo") expect(advantage![4]).toBe(0);
      expect(weight.filter((value) => value > 0)).toHaveLength(step.kept);
    }
  });
});

/** A rollout in which the rewards of these episodes failed. */
function failing(rolled: Result<"rollout">, lost: ReadonlySet<number>): Result<"rollout"> {
  const [component] = rolled.components;
  const failures = [
    {
      kind: "exception" as const,
      message: "KeyError: x",
      episodes: new Uint8Array(Uint32Array.from(lost).buffer),
    },
  ];
  return { ...rolled, components: [{ ...component!, failures }] };
}

test("ppo with several completions keeps its critic", async () => {
  const { updates, steps, loads } = await sentBy({ training: { completions: 4 } });
  expect(loads[0]!.training.critic).toBe(true);
  expect(updates.every(({ weights, advantages }) => weights !== null && advantages === null)).toBe(
    true,
  );
  expect(steps[0]!.groups).toMatchObject({ prompts: 4, completions: 4, equal: 0 });
  const { return: returns } = arraysOf(steps[0]!);
  const spreads = [0, 4, 8, 12].map((first) => {
    const own = returns.slice(first, first + 4) as number[];
    return Math.sqrt(own.reduce((sum, one) => sum + (one - mean(own)) ** 2, 0) / 3);
  });
  expect(steps[0]!.groups!.spread).toBeCloseTo(mean(spreads), 6);
  expect(arraysOf(steps[0]!).advantage).toBeUndefined();
});

test("fixed gradient steps are as many whatever is kept, proportional ones follow it", async () => {
  // B = 16, 2 epochs, minibatches of 4; α' falls from 1 to 0.25.
  const risk = { alpha: 0.25 };
  const fixed = await sentBy({ training: { steps: "fixed", minibatch: 4 }, risk });
  expect(fixed.updates.map(({ steps_per_epoch }) => steps_per_epoch)).toEqual(Array(6).fill(4));
  expect(fixed.steps.map(({ gradient_steps }) => gradient_steps)).toEqual(Array(6).fill(8));
  expect(fixed.steps.at(-1)!.kept).toBe(4);
  const proportional = await sentBy({ training: { minibatch: 4 }, risk });
  expect(proportional.updates.every(({ steps_per_epoch }) => steps_per_epoch === null)).toBe(true);
  for (const { kept, gradient_steps } of proportional.steps) {
    expect(gradient_steps).toBe(2 * Math.ceil(kept / 4));
  }
  expect(proportional.steps.at(-1)!.gradient_steps).toBe(2);
});

test("the worker is told over which tokens advantages are whitened", async () => {
  for (const whiten of ["kept", "batch"] as const) {
    const { updates } = await sentBy({ training: { whiten } });
    expect(new Set(updates.map((update) => update.whiten))).toEqual(new Set([whiten]));
  }
});

describe("the KL", () => {
  test.each([
    [{ training: { algorithm: "grpo", completions: 4 } }, "token-mean"],
    [{ kl: { form: "loss", loss: "exact" } }, "token-mean"],
    [
      { training: { algorithm: "rloo", completions: 2 }, kl: { form: "loss" } },
      "seq-mean-token-sum",
    ],
  ] as const)(
    "in the loss is on every episode, whatever its weight: %j",
    async (arm, aggregation) => {
      const { rollouts, updates, steps } = await sentBy(arm);
      const form = "kl" in arm && "loss" in arm.kl ? arm.kl.loss : "k3-corrected";
      expect(rollouts.every(({ kl_coefficient }) => kl_coefficient === null)).toBe(true);
      for (const [m, update] of updates.entries()) {
        expect([...float32Array(update.kl_weights!)]).toEqual(Array(16).fill(1));
        expect(update).toMatchObject({
          kl_loss: { form, coefficient: steps[m]!.beta, unit: "advantage" },
          loss_aggregation: aggregation,
        });
        expect(steps[m]!.kl_loss).toEqual({ form, episodes: 16, strata: null });
        // β follows the KL that its loss is on: all of it.
        expect(steps[m]!.kl_controlled).toBeCloseTo(mean(arraysOf(steps[m]!).kl as number[]), 5);
      }
    },
  );

  test("is on a part of the dropped episodes where that is wanted, the same when resumed", async () => {
    const arm = { kl: { form: "loss", anchors: 0.25 } } as const;
    const { updates, steps } = await sentBy(arm);
    for (const [m, update] of updates.entries()) {
      const { weight } = arraysOf(steps[m]!);
      const kl = [...float32Array(update.kl_weights!)];
      const dropped = weight.filter((value) => value === 0).length;
      const carrying = kl.filter((value, i) => value > 0 && weight[i] === 0);
      expect(carrying).toHaveLength(Math.round(dropped / 4));
      expect(kl.reduce((a, b) => a + b, 0)).toBeCloseTo(16, 4);
      expect(steps[m]!.kl_loss!.episodes).toBe(16 - dropped + carrying.length);
    }
    expect(steps.at(-1)!.kl_loss!.episodes).toBe(10);
    const again = await sentBy(arm);
    expect(again.updates).toEqual(updates);
  });

  test("is a mean over the natural mix of prompts, or over the batch's", async () => {
    const sampling = { strategy: "stratified", batch_fraction: 0.25, hard_fraction: 0.1 } as const;
    const natural = await sentBy({ sampling, kl: { form: "loss" } });
    for (const [m, update] of natural.updates.entries()) {
      const kl = [...float32Array(update.kl_weights!)];
      // 10 % of the prompts are hard, and a quarter of the batch.
      expect(kl.filter((value) => Math.abs(value - 0.4) < 1e-6)).toHaveLength(4);
      expect(kl.filter((value) => Math.abs(value - 1.2) < 1e-6)).toHaveLength(12);
      const { kl_loss, kl_controlled } = natural.steps[m]!;
      const { hard, other } = kl_loss!.strata!;
      expect(kl_controlled).toBeCloseTo(0.1 * hard + 0.9 * other, 5);
    }
    const sampled = await sentBy({ sampling, kl: { form: "loss", weights: "sampled" } });
    expect([...float32Array(sampled.updates[0]!.kl_weights!)]).toEqual(Array(16).fill(1));
  });

  test("is a mean by the root of the natural weights, or by ones smooth in the rank", async () => {
    const sampling = { strategy: "stratified", batch_fraction: 0.25, hard_fraction: 0.1 } as const;
    const run = (weights: "natural" | "sqrt" | "smooth") =>
      sentBy({ sampling, kl: { form: "loss", weights } });
    const natural = await run("natural");
    const first = ({ updates }: typeof natural) => [...float32Array(updates[0]!.kl_weights!)];
    const root = await run("sqrt");
    for (const [at, own] of first(root).entries()) {
      expect(own ** 2).toBeCloseTo(first(natural)[at]!, 6);
    }
    const smooth = await run("smooth");
    const weights = first(smooth);
    const hard = first(natural).map((own) => own < 1);
    const [ofHard, ofOthers] = [true, false].map((which) =>
      weights.filter((_, at) => hard[at] === which),
    );
    // Many values between those of natural, 0.4 and 1.2, and nowhere a step.
    expect(new Set(weights).size).toBeGreaterThan(8);
    expect(Math.max(...ofHard!)).toBeLessThan(Math.min(...ofOthers!));
    expect(Math.min(...weights)).toBeGreaterThan(0.4);
    for (const { updates, steps } of [root, smooth]) {
      for (const [m, { kl_weights }] of updates.entries()) {
        const own = [...float32Array(kl_weights!)];
        const kl = arraysOf(steps[m]!).kl as number[];
        const sum = kl.reduce((total, value, at) => total + value * own[at]!, 0);
        expect(steps[m]!.kl_controlled).toBeCloseTo(sum / own.reduce((a, b) => a + b, 0), 5);
      }
    }
  });

  test.each(["sqrt", "smooth"] as const)(
    "is a plain mean by %s of uniform prompts",
    async (weights) => {
      const { updates } = await sentBy({ kl: { form: "loss", weights } });
      expect([...float32Array(updates[0]!.kl_weights!)]).toEqual(Array(16).fill(1));
    },
  );

  test("has β in the unit that is wanted, and β follows its target as ever", async () => {
    const { updates, steps } = await sentBy({ kl: { form: "loss", unit: "reward" } });
    for (const [m, { kl_loss }] of updates.entries()) {
      const { beta, figures } = steps[m]!;
      expect(kl_loss).toEqual({ form: "k3-corrected", coefficient: beta, unit: "reward" });
      expect(figures.advantage_deviation).toBeGreaterThan(0);
    }
    expect(new Set(steps.map(({ beta }) => beta)).size).toBe(6);
  });

  test("costs nothing where β is 0", async () => {
    const { updates } = await sentBy({
      training: { algorithm: "grpo", completions: 4 },
      kl: { beta: 0 },
    });
    expect(
      updates.every(({ kl_weights, kl_loss }) => kl_weights === null && kl_loss === null),
    ).toBe(true);
  });

  test("in the return is what it was", async () => {
    const { updates, steps } = await sentBy({});
    expect(
      updates.every(({ kl_weights, kl_loss }) => kl_weights === null && kl_loss === null),
    ).toBe(true);
    expect(steps[0]).not.toHaveProperty("kl_loss");
  });
});

describe("groups whose rewards are all equal", () => {
  const equal: Trick = ({ command, pass }) =>
    command === "rollout"
      ? pass().then((result) => {
          const ones = float32Bytes(new Float32Array(16).fill(1));
          return { ...(result as Result<"rollout">), reward: ones, return: ones };
        })
      : null;

  test("are counted, and an iteration of nothing else makes no update", async () => {
    const arm = { training: { algorithm: "grpo", completions: 4 }, kl: { beta: 0 } } as const;
    const { harness, outcome, updates, steps } = await sentBy(arm, equal);
    expect(outcome).toBe("done");
    expect(updates).toEqual([]);
    expect(steps).toHaveLength(6);
    for (const step of steps) {
      expect(step).toMatchObject({
        groups: { prompts: 4, completions: 4, equal: 4 },
        loss_policy: null,
        compute: 0,
      });
      expect(step.seconds.update).toBe(0);
    }
    expect(harness.events).toContainEqual(
      expect.objectContaining({
        type: "warning",
        message: expect.stringMatching(/made no update: none of its 4 prompts has two completions/),
      }),
    );
  });

  test("still have their KL", async () => {
    const arm = { training: { algorithm: "grpo", completions: 4 } } as const;
    const { updates } = await sentBy(arm, equal);
    expect(updates).toHaveLength(6);
    expect(updates[0]).toMatchObject({ weights: null, advantages: null });
    expect(float32Array(updates[0]!.kl_weights!)).toHaveLength(16);
  });
});

test("a worker that lacks what the algorithm needs is refused with the key", async () => {
  const lacks = async (arm: Arm, capability: "critic" | "completions" | "kl_loss") => {
    const harness = new Harness(lone(arm), undefined, undefined, async () => {
      const worker = simulatedWorker();
      const capabilities = { ...worker.hello.capabilities, [capability]: false };
      return {
        hello: { ...worker.hello, capabilities },
        call: worker.call.bind(worker),
        close: () => worker.close(),
      };
    });
    const outcome = await harness.run();
    return outcome.outcome === "failed" ? outcome.key : outcome.outcome;
  };
  const grpo = { training: { algorithm: "grpo", completions: 4 } } as const;
  expect(await lacks({}, "critic")).toBe("training.algorithm");
  expect(await lacks(grpo, "completions")).toBe("training.completions");
  expect(await lacks(grpo, "kl_loss")).toBe("kl.form");
  const quark = { training: { algorithm: "quark" }, kl: { form: "return" } } as const;
  expect(await lacks(quark, "kl_loss")).toBe("training.algorithm");
  expect(await lacks({ training: { algorithm: "reinforce" } }, "critic")).toBe("done");
});
