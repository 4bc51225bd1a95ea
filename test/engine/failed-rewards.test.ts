/** Whole runs whose reward model fails on some prompts. */
import { expect, test } from "vitest";
import type { StepEvent } from "../../src/journal/events.js";
import { float32Array } from "../../src/protocol/arrays.js";
import type { Payload, Result, ScoreFailure } from "../../src/protocol/messages.js";
import { simulatedWorker } from "../worker/simulated/worker.js";
import { smallExperiment } from "./experiments.js";
import { Harness, type Trick } from "./run-harness.js";

type Kind = ScoreFailure["kind"];
type Arrays = Extract<StepEvent["episodes"], { weight: number[] }>;

/** Every `nth` of the 400 train and 100 test prompts fails. */
function failingEvery(nth: number): ReadonlyMap<number, Kind> {
  const kinds = ["timeout", "exception", "not-finite"] as const;
  const ids = Array.from({ length: Math.ceil(500 / nth) }, (_, i) => i * nth);
  return new Map(ids.map((id, i) => [id, kinds[i % 3]!]));
}

function harness(nth: number, share: number, trick: Trick = () => null): Harness {
  const experiment = smallExperiment({
    arms: { "ra-rlhf": { reward: { max_failed_fraction: share }, kl: { k_beta: 0.5 } } },
    sft: { steps: 0 },
    parallel: 1,
  });
  const failing = failingEvery(nth);
  return new Harness(experiment, trick, undefined, async () => simulatedWorker({ failing }));
}

/** A rollout whose only component fails so. */
function failing(rolled: Result<"rollout">, failures: ScoreFailure[]): Result<"rollout"> {
  const [component] = rolled.components;
  return { ...rolled, components: [{ ...component!, failures }] };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test("episodes without a reward are in no figure, no tail and no update", async () => {
  const sent: Float32Array[] = [];
  const run = harness(5, 0.9, ({ command, payload }) => {
    if (command === "update") {
      sent.push(float32Array((payload as Payload<"update">).weights!));
    }
    return null;
  });
  expect((await run.run()).outcome).toBe("done");
  const steps = run.steps("ra-rlhf-s0");
  expect(steps.reduce((sum, { failed }) => sum + failed, 0)).toBeGreaterThan(5);
  for (const step of steps) {
    const { prompt, reward, kl, return: returns, length, weight } = step.episodes as Arrays;
    const failed = prompt.map((id) => id % 5 === 0);
    expect(step.failed).toBe(failed.filter(Boolean).length);
    expect(reward.map((value) => value === null)).toEqual(failed);
    expect(returns.map((value) => value === null)).toEqual(failed);
    expect(kl.includes(null)).toBe(false);
    expect([...sent[step.step]!]).toEqual(weight);
    expect(weight.filter((value, i) => failed[i] && value > 0)).toEqual([]);
    const scored = prompt.flatMap((_, i) => (failed[i] ? [] : [i]));
    expect(step.batch).toBe(16);
    expect(step.kept).toBe(Math.ceil(scored.length * step.alpha - 1e-9));
    const own = scored.map((i) => returns[i]!);
    expect(step.return_mean).toBeCloseTo(mean(own), 5);
    expect(step.reward_mean).toBeCloseTo(mean(scored.map((i) => reward[i]!)), 5);
    expect(step.kl_mean).toBeCloseTo(mean(scored.map((i) => kl[i]!)), 5);
    expect(step.length_mean).toBeCloseTo(mean(scored.map((i) => length[i]!)), 5);
    const tail = own.toSorted((a, b) => a - b).slice(0, Math.ceil(own.length / 2));
    expect(step.cvar).toBeCloseTo(mean(tail), 5);
    expect(step.var).toBeCloseTo(tail.at(-1)!, 5);
    const kept = weight.flatMap((value, i) => (value > 0 ? [i] : []));
    expect(step.tail_mean).toBeCloseTo(mean(kept.map((i) => returns[i]!)), 5);
    expect(step.kl_controlled).toBeCloseTo(mean(kept.map((i) => kl[i]!)), 5);
  }
  const warnings = run.events.filter(({ type }) => type === "warning");
  expect(JSON.stringify(warnings)).toContain("simulated timeout");
});

test("completions without a reward are in no figure of an evaluation", async () => {
  const run = harness(5, 0.9);
  await run.run();
  const evaluations = run.events.filter((event) => event.type === "evaluated");
  expect(evaluations.length).toBeGreaterThan(3);
  for (const { arrays, metrics, failed } of evaluations) {
    const lost = arrays.prompt.map((id) => id % 5 === 0);
    expect(failed).toBe(lost.filter(Boolean).length);
    expect(failed).toBeGreaterThan(0);
    expect(arrays.reward.map((value) => value === null)).toEqual(lost);
    const rewards = arrays.reward.filter((value) => value !== null);
    expect(metrics.reward_mean).toBeCloseTo(mean(rewards), 5);
    const worst = rewards.toSorted((a, b) => a - b).slice(0, Math.ceil(rewards.length / 10));
    expect(metrics["cvar_0.1"]).toBeCloseTo(mean(worst), 5);
  }
});

test("above the fraction the trial stops before any update", async () => {
  const commands: string[] = [];
  const run = harness(2, 0.05, ({ command }) => {
    commands.push(command);
    return null;
  });
  const outcome = await run.run();
  expect(outcome).toMatchObject({ outcome: "failed", kind: "reward", trial: "ra-rlhf-s0" });
  // The evaluation before the first step stops it already.
  expect((outcome as { message: string }).message).toMatch(/ of 40 rewards of the evaluation at/);
  expect(commands).not.toContain("update");
});

test("above the fraction in a step, too", async () => {
  const commands: string[] = [];
  const run = harness(10_000, 0.25, ({ command, pass }) => {
    commands.push(command);
    return command === "rollout"
      ? pass().then((result) => {
          const episodes = new Uint8Array(Uint32Array.of(1, 2, 5, 7, 9).buffer);
          const failures = [{ kind: "timeout" as const, message: "late", episodes }];
          return failing(result as Result<"rollout">, failures);
        })
      : null;
  });
  const outcome = await run.run();
  expect(outcome).toMatchObject({ outcome: "failed", kind: "reward" });
  expect((outcome as { message: string }).message).toMatch(
    /^5 of 16 rewards of iteration 1 failed/,
  );
  expect(commands).not.toContain("update");
});

test("a KL that is not finite has diverged, also where the reward failed", async () => {
  const run = harness(10_000, 1, ({ command, pass }) =>
    command === "rollout"
      ? pass().then((result) => {
          const rolled = result as Result<"rollout">;
          const kl = Uint8Array.from(rolled.kl);
          new DataView(kl.buffer).setFloat32(4, Number.NaN, true);
          const episodes = new Uint8Array(Uint32Array.of(1).buffer);
          const failures = [{ kind: "timeout" as const, message: "", episodes }];
          return failing({ ...rolled, kl }, failures);
        })
      : null,
  );
  const outcome = await run.run();
  expect(outcome).toMatchObject({ outcome: "failed", kind: "diverged" });
  expect((outcome as { message: string }).message).toContain("kl that are not finite");
});

test("a judge that fails takes nothing from the rewards", async () => {
  const judged: Trick = ({ command, pass }) =>
    command === "evaluate"
      ? pass().then((result) => {
          const answer = result as Result<"evaluate">;
          const scores = new Uint8Array(answer.reward.length);
          new DataView(scores.buffer).setFloat32(8, Number.NaN, true);
          const episodes = new Uint8Array(Uint32Array.of(2).buffer);
          const failures = [{ kind: "exception" as const, message: "IndexError", episodes }];
          return { ...answer, judges: [{ name: "judge", scores, failures }] };
        })
      : null;
  const run = harness(10_000, 0.05, judged);
  expect((await run.run()).outcome).toBe("done");
  const [first] = run.events.filter((event) => event.type === "evaluated");
  expect(first).toMatchObject({ failed: 0, metrics: { judge_reward: 0, judge_tail: 0 } });
  expect(first!.arrays.judge![2]).toBeNull();
  const warnings = run.events.filter(({ type }) => type === "warning");
  expect(JSON.stringify(warnings)).toContain("judge scores of the evaluation at iteration 0");
});
