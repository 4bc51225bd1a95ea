import { expect, test } from "vitest";
import {
  type FailureCause,
  failureAdvice,
  recordedFailure,
} from "../../../src/cli/run/failure-advice.js";
import type { JournalEvent } from "../../../src/journal/events.js";
import { smallExperiment } from "../../engine/experiments.js";

const experiment = smallExperiment();
const { batch, minibatch, learning_rate } = experiment.training;
const command = ["run", "my file", "--run-dir", "runs/x", "--set", "seeds=1", "--run-dir=y"];
const resume = "`averse resume runs/x` goes on.";
const advice = (cause: Partial<FailureCause>, argv: readonly string[] = command) =>
  failureAdvice(
    { kind: "internal", key: null, trial: "rlhf-s0", ...cause },
    experiment,
    argv,
    resume,
  );

test.each(["lost", "internal", "protocol", "reward", "environment"] as const)(
  "%s: a resumed run can go on",
  (kind) => {
    const key = kind === "reward" ? "reward.max_failed_fraction" : null;
    expect(advice({ kind, key })).toBe(`Once the cause is fixed, ${resume}`);
  },
);

test.each([
  [{ kind: "diverged" }, `training.learning_rate=${learning_rate / 2}`],
  [{ kind: "diverged", trial: "sft-s0" }, `sft.learning_rate=${experiment.sft.learning_rate / 2}`],
  [{ kind: "input", key: "policy.model" }, "policy.model=VALUE"],
] as const)("%j: another configuration, never a resumption", (cause, setting) => {
  expect(advice(cause)).toBe(
    "The cause lies in the configuration, which a resumed run keeps: start a new run with another " +
      `value, such as \`averse run 'my file' --set seeds=1 --set ${setting}\`.`,
  );
});

test("memory and devices may be there another time, or elsewhere", () => {
  expect(advice({ kind: "memory" })).toMatch(
    new RegExp(
      `start a new run .*training\\.minibatch=${minibatch / 2} --set rollout\\.minibatch=${batch / 2}\`\\. If other programs had taken the memory, ${resume}$`,
    ),
  );
  expect(advice({ kind: "environment", key: "backend.device" })).toBe(
    `A resumed run keeps its device: where that works, ${resume} Else start a new run, such as ` +
      "`averse run 'my file' --set seeds=1 --set backend.device=auto`.",
  );
});

test("of a run that was not started by name, the command is left to the reader", () => {
  expect(advice({ kind: "diverged" }, ["reproduce", "x"])).toContain(
    "`averse run EXPERIMENT --set",
  );
});

test("the first failure since the run was last taken up counts", () => {
  const failed = (trial: string, reason: string) =>
    ({ type: "trial_failed", trial, reason, key: "k" }) as JournalEvent;
  const resumed = { type: "run_resumed" } as JournalEvent;
  expect(recordedFailure([])).toBeNull();
  expect(recordedFailure([failed("a", "lost"), resumed])).toBeNull();
  expect(
    recordedFailure([failed("a", "lost"), resumed, failed("b", "memory"), failed("c", "lost")]),
  ).toEqual({ trial: "b", kind: "memory", key: "k" });
});
