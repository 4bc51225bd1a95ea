import { describe, expect, test } from "vitest";
import type { Experiment } from "../../src/config/schema/experiment.js";
import type { JournalEvent } from "../../src/journal/events.js";
import type { Command, Result } from "../../src/protocol/messages.js";
import { WorkerFailure } from "../../src/worker/contract.js";
import { smallExperiment } from "./experiments.js";
import { Harness, type Trick } from "./run-harness.js";

type Digests = Result<"load">["digests"];

const was = "0".repeat(64);
const is = "f".repeat(64);
const oneByOne = smallExperiment({ parallel: 1 });

/** The trials' workers tell of other files. @param nth of the trial's loads, from 0 */
function loading(changed: (trial: string, digests: Digests) => Partial<Digests>): Trick {
  return ({ trial, command, pass }) =>
    command === "load"
      ? pass().then((answer) => {
          const { digests, ...rest } = answer as Result<"load">;
          const told = { ...digests, ...changed(trial, digests) };
          return { ...rest, digests: told } as Result<Command>;
        })
      : null;
}

/** Stopped after so many steps of an arm; its folders live on. */
async function stoppedRun(experiment: Experiment, steps: number): Promise<Harness> {
  const harness = new Harness(
    experiment,
    () => null,
    (event, own) => {
      if (event.type === "step" && event.trial === "rlhf-s0" && event.step === steps - 1) {
        own.stop.abort();
      }
    },
  );
  harness.keep = true;
  expect((await harness.run()).outcome).toBe("interrupted");
  return harness;
}

async function resumedRun(before: Harness, trick: Trick) {
  const events: readonly JournalEvent[] = [...before.events];
  const harness = new Harness(before.experiment, trick, () => {}, null, before.recorder);
  const outcome = await harness.run(events);
  return { outcome, after: harness.events.slice(events.length) };
}

const refused = { outcome: "failed", kind: "environment" } as const;

describe("a worker that loads other files than the run recorded is refused before it does anything", () => {
  test.each([
    [
      "data",
      { data: { simulated: is } },
      /^data\.path builtin has changed since this run began: its simulated has sha256 f+; /,
    ],
    [
      "reward",
      { rewards: { reward: { simulated: is } } },
      /^reward\.model builtin has changed since this run began: its simulated /,
    ],
    [
      "judge",
      { judges: { judge: { simulated: is } } },
      /^evaluation\.judges\.0\.model builtin has changed since this run began: its simulated /,
    ],
  ] as const)("%s, in a run that is resumed", async (_, changes, message) => {
    const before = await stoppedRun(oneByOne, 2);
    const { outcome, after } = await resumedRun(
      before,
      loading(() => changes),
    );
    expect(outcome).toMatchObject({ ...refused, message: expect.stringMatching(message) });
    expect(outcome).toMatchObject({ message: expect.stringContaining(`recorded sha256 ${was}`) });
    expect(after.map(({ type }) => type)).not.toContain("step");
    expect(after.map(({ type }) => type)).not.toContain("worker_ready");
  });

  test("the policy, in an arm that loads it itself", async () => {
    const experiment = smallExperiment({ parallel: 1, sft: { steps: 0 } });
    const before = await stoppedRun(experiment, 2);
    const { outcome } = await resumedRun(
      before,
      loading(() => ({ policy: { simulated: is } })),
    );
    expect(outcome).toMatchObject({
      ...refused,
      message: expect.stringMatching(
        /^policy\.model builtin has changed .* its simulated has sha256 f+/,
      ),
    });
  });

  test("and goes on, once they are back", async () => {
    const before = await stoppedRun(oneByOne, 2);
    before.recorder.dispose = () => {};
    await resumedRun(
      before,
      loading(() => ({ data: { simulated: is } })),
    );
    const { outcome, after } = await resumedRun(before, () => null);
    expect(outcome.outcome).toBe("done");
    expect(after.map(({ type }) => type)).toContain("step");
  });

  test("also in one run: of two trials side by side, the second", async () => {
    const experiment = smallExperiment({ parallel: 2, sft: { steps: 0 } });
    const harness = new Harness(
      experiment,
      loading((trial) => ({ data: { simulated: trial === "rlhf-s0" ? was : is } })),
    );
    expect(await harness.run()).toMatchObject({
      ...refused,
      message: expect.stringContaining("data.path builtin"),
    });
  });

  test("also a restarted worker", async () => {
    let loads = 0;
    const other = loading((trial) => {
      loads += trial === "rlhf-s0" ? 1 : 0;
      return { data: { simulated: loads > 1 ? is : was } };
    });
    const harness = new Harness(oneByOne, (call) =>
      call.trial === "rlhf-s0" && call.command === "update" && loads === 1 && call.nth === 1
        ? Promise.reject(new WorkerFailure("update", "protocol", "babble", null, null))
        : other(call),
    );
    expect(await harness.run()).toMatchObject({ ...refused, trial: "rlhf-s0" });
    expect(harness.steps("rlhf-s0")).toHaveLength(1);
  });

  test("other prompts of the same files, too", async () => {
    const before = await stoppedRun(oneByOne, 2);
    const { outcome } = await resumedRun(before, ({ command, pass }) =>
      command === "load"
        ? pass().then((answer) => {
            const { train, ...rest } = answer as Result<"load">;
            return { ...rest, train: { ...train, ids: reversed(train.ids) } } as Result<Command>;
          })
        : null,
    );
    expect(outcome).toMatchObject({
      ...refused,
      message: expect.stringMatching(/the order of its train prompts has sha256 [0-9a-f]{64}; /),
    });
  });

  test.each([
    ["tokenizer.json", "failed"],
    ["README.md", "done"],
  ])("a new file %s beside the reward model's: %s", async (file, outcome) => {
    const before = await stoppedRun(oneByOne, 2);
    const run = await resumedRun(
      before,
      loading((_, { rewards }) => ({
        rewards: { reward: { ...rewards.reward!, [file]: is } },
      })),
    );
    expect(run.outcome.outcome).toBe(outcome);
  });
});

function reversed(ids: Uint8Array): Uint8Array {
  const copy = Uint32Array.from(new Uint32Array(ids.slice().buffer)).reverse();
  return new Uint8Array(copy.buffer);
}

describe("what a worker cannot load", () => {
  const missing: Trick = ({ command }) =>
    command === "load"
      ? Promise.reject(
          new WorkerFailure("load", "input", "/data: no train.jsonl", "data.path", null),
        )
      : null;

  test("is the configuration's fault, the first time", async () => {
    expect(await new Harness(oneByOne, missing).run()).toMatchObject({ kind: "input" });
  });

  test("is the machine's, where the run has loaded it before", async () => {
    const { outcome } = await resumedRun(await stoppedRun(oneByOne, 2), missing);
    expect(outcome).toMatchObject({
      ...refused,
      message:
        "/data: no train.jsonl; this run has loaded it before: restore it and " +
        "resume, or start a new run (key: data.path)",
    });
  });
});

describe("the model that arms start from", () => {
  test("is not loaded where it is not what was exported", async () => {
    const before = await stoppedRun(oneByOne, 2);
    const path = [...before.recorder.completed.keys()].find((key) => key.includes("model"))!;
    before.recorder.completed.delete(path);
    const loads: string[] = [];
    const { outcome } = await resumedRun(before, ({ command, trial }) => {
      if (command === "load") loads.push(trial);
      return null;
    });
    expect(outcome).toMatchObject({
      ...refused,
      trial: "rlhf-s0",
      message: expect.stringMatching(
        /^the model trials\/sft-s0\/model-0, from which this trial starts, has changed since it was exported: .*restore its files/,
      ),
    });
    expect(loads).toEqual([]);
  });

  test("is not used where the worker read another", async () => {
    const harness = new Harness(
      oneByOne,
      loading((trial) => ({ policy: { "config.json": trial === "sft-s0" ? was : is } })),
    );
    expect(await harness.run()).toMatchObject({
      ...refused,
      trial: "rlhf-s0",
      message: expect.stringMatching(/^the model trials\/sft-s0\/model-0 .*its config\.json has/),
    });
    expect(harness.steps("rlhf-s0")).toEqual([]);
  });
});
