/** Stages and SFT: made once, kept by digest, taken over by the trials and runs that want the same. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { EventPayload, JournalEvent } from "../../../src/journal/events.js";
import type { Command, Payload, Result } from "../../../src/protocol/messages.js";
import { RecordError } from "../../../src/system/record-error.js";
import { simulatedWorker } from "../../worker/simulated/worker.js";
import { type ExperimentChanges, smallExperiment } from "../experiments.js";
import { MemoryRecorder } from "../memory-recorder.js";
import { figuresOf, Harness, type Trick } from "../run-harness.js";

const stages = {
  lm: { kind: "language_model", epochs: 1, base: { architecture: "gpt2" } },
  tox: { kind: "classifier", steps: 10, base: { model: "stage:lm" } },
  other: { kind: "classifier", steps: 10 },
} as const;

const staged = (changes: ExperimentChanges = {}) =>
  smallExperiment({
    stages,
    policy: { model: "stage:lm" },
    reward: { kind: "classifier", model: "stage:tox", label: "toxic" },
    evaluation: { harm_threshold: 0 },
    parallel: 1,
    ...changes,
  });

interface Call {
  readonly trial: string;
  readonly command: Command;
  readonly payload: Payload<Command>;
}

function watched(inner: Trick = () => null): { readonly calls: Call[]; readonly trick: Trick } {
  const calls: Call[] = [];
  return {
    calls,
    trick: (call) => {
      calls.push(call);
      return inner(call);
    },
  };
}

function eventsOf<T extends EventPayload["type"]>(events: readonly JournalEvent[], type: T) {
  return events.filter((event) => event.type === type) as Extract<JournalEvent, { type: T }>[];
}

/** A run on artifacts that others may have made; its folders live on for the next. */
async function run(
  experiment = staged(),
  recorder = new MemoryRecorder(),
  trick: Trick = () => null,
) {
  const { calls, trick: watching } = watched(trick);
  const harness = new Harness(experiment, watching, () => {}, null, recorder);
  harness.keep = true;
  const outcome = await harness.run();
  return { harness, outcome, calls };
}

/** A later run, of another journal, on the artifacts of an earlier one. */
function sharing(earlier: MemoryRecorder): MemoryRecorder {
  const recorder = new MemoryRecorder();
  Object.assign(recorder, { artifacts: earlier.artifacts });
  return recorder;
}

const trainings = (calls: readonly Call[]) =>
  calls.flatMap(({ command, payload }) =>
    command === "train_stage" ? [(payload as Payload<"train_stage">).stage] : [],
  );

describe("a stage", () => {
  test("is trained once, after the one that it goes on from, and only if something names it", async () => {
    const { harness, outcome, calls } = await run();
    expect(outcome.outcome).toBe("done");
    expect(trainings(calls).map(({ name }) => name)).toEqual(["lm", "tox"]);
    const ready = eventsOf(harness.events, "stage_ready");
    expect(ready.map(({ name, reused }) => [name, reused])).toEqual([
      ["lm", false],
      ["tox", false],
    ]);
    expect(ready[0]!.figures.loss).toBeGreaterThan(0);
    expect(eventsOf(harness.events, "stage_started").map(({ name }) => name)).toEqual([
      "lm",
      "tox",
    ]);
    const [lm, tox] = ready.map(({ path }) => path);
    expect(trainings(calls)[1]!.base).toMatchObject({ kind: "model", model: lm });
    const loads = calls.filter(({ command }) => command === "load");
    for (const { payload } of loads) {
      const { policy, rewards } = payload as Payload<"load">;
      expect(JSON.stringify(payload)).not.toContain("stage:");
      expect(rewards[0]!.scorer).toMatchObject({ model: tox });
      expect([lm, expect.stringContaining("trials/")]).toContainEqual(policy.model);
    }
    harness.recorder.dispose();
  });

  test("is taken over by another run, which says so, with the very same figures", async () => {
    const first = await run();
    const second = await run(staged(), sharing(first.harness.recorder));
    expect(second.outcome.outcome).toBe("done");
    expect(trainings(second.calls)).toEqual([]);
    expect(eventsOf(second.harness.events, "stage_ready").map(({ reused }) => reused)).toEqual([
      true,
      true,
    ]);
    for (const trial of ["rlhf-s0", "ra-rlhf-s0"]) {
      const figures = [first, second].map(({ harness }) =>
        figuresOf(harness.events, trial).filter((event) =>
          ["step", "evaluated", "model_exported"].includes((event as { type: string }).type),
        ),
      );
      expect(figures[0]!.length).toBeGreaterThan(5);
      expect(figures[1]).toEqual(figures[0]);
    }
    for (const { harness } of [second, first]) harness.recorder.dispose();
  });

  test("of another option, or another seed, is another one", async () => {
    const first = await run();
    const other = { ...stages, tox: { ...stages.tox, seed: 1 } };
    const second = await run(staged({ stages: other }), sharing(first.harness.recorder));
    expect(trainings(second.calls).map(({ name }) => name)).toEqual(["tox"]);
    for (const { harness } of [second, first]) harness.recorder.dispose();
  });

  test("that was kept and is damaged is trained again, with a warning", async () => {
    const first = await run();
    const { artifacts } = first.harness.recorder;
    const [tox] = [...artifacts.kept.values()].filter(({ name }) => name === "tox");
    artifacts.damaged.add(tox!.digest);
    const second = await run(staged(), sharing(first.harness.recorder));
    expect(second.outcome.outcome).toBe("done");
    expect(trainings(second.calls).map(({ name }) => name)).toEqual(["tox"]);
    expect(eventsOf(second.harness.events, "warning").map(({ message }) => message)).toEqual([
      `the model of stage tox is damaged and is made again: ${tox!.digest} has changed`,
    ]);
    for (const { harness } of [second, first]) harness.recorder.dispose();
  });

  test("of an engine that trains none is refused by its key", async () => {
    const harness = new Harness(
      staged(),
      () => null,
      () => {},
      async () => {
        const worker = simulatedWorker();
        const capabilities = { ...worker.hello.capabilities, stages: false };
        return Object.assign(Object.create(worker), {
          hello: { ...worker.hello, capabilities },
          call: worker.call.bind(worker),
          close: worker.close.bind(worker),
        });
      },
    );
    expect(await harness.run()).toMatchObject({
      outcome: "failed",
      kind: "input",
      key: "stages.lm",
    });
  });

  test("that changes while it is trained is not kept", async () => {
    const { outcome, harness } = await run(staged(), new MemoryRecorder(), ({ command, pass }) =>
      command !== "train_stage"
        ? null
        : pass().then(
            (result) =>
              ({
                ...result,
                digests: { base: {}, data: { simulated: "1".repeat(64) } },
              }) as Result<Command>,
          ),
    );
    expect(outcome).toMatchObject({
      outcome: "failed",
      kind: "environment",
      key: "stages.lm.data",
    });
    expect(harness.recorder.artifacts.kept.size).toBe(0);
    harness.recorder.dispose();
  });
});

describe("a run that is taken up again", () => {
  async function interrupted() {
    const recorder = new MemoryRecorder();
    const harness = new Harness(
      staged(),
      () => null,
      (event, { stop }) => {
        if (event.type === "step" && event.step === 1) stop.abort();
      },
      null,
      recorder,
    );
    harness.keep = true;
    expect((await harness.run()).outcome).toBe("interrupted");
    return recorder;
  }

  async function resumed(recorder: MemoryRecorder, trick: Trick = () => null) {
    const { calls, trick: watching } = watched(trick);
    const harness = new Harness(staged(), watching, () => {}, null, recorder);
    harness.keep = true;
    const outcome = await harness.run([...recorder.events]);
    return { outcome, calls };
  }

  test("finds its stages again, without asking what they follow from", async () => {
    const recorder = await interrupted();
    const { outcome, calls } = await resumed(recorder);
    expect(outcome.outcome).toBe("done");
    expect(calls.some(({ command }) => command === "describe_stage")).toBe(false);
    recorder.dispose();
  });

  test("trains again what is gone, where it is the same", async () => {
    const recorder = await interrupted();
    const before = eventsOf(recorder.events, "stage_ready").map(({ digest }) => digest);
    recorder.artifacts.kept.clear();
    const { outcome, calls } = await resumed(recorder);
    expect(outcome.outcome).toBe("done");
    expect(trainings(calls).map(({ name }) => name)).toEqual(["lm", "tox"]);
    const after = eventsOf(recorder.events, "stage_ready").map(({ digest }) => digest);
    expect(after).toEqual([...before, ...before]);
    recorder.dispose();
  });

  test("is refused where what is gone would be another one", async () => {
    const recorder = await interrupted();
    recorder.artifacts.kept.clear();
    const { outcome } = await resumed(recorder, ({ command, pass }) =>
      command === "describe_stage"
        ? pass().then((result) => ({ ...result, digest: "0".repeat(64) }) as Result<Command>)
        : null,
    );
    expect(outcome).toMatchObject({ outcome: "failed", kind: "environment", key: "stages.lm" });
    expect((outcome as { message: string }).message).toContain("has changed since this run began");
    recorder.dispose();
  });
});

describe("SFT", () => {
  const plain = (changes: ExperimentChanges = {}) =>
    smallExperiment({ arms: { sft: {}, rlhf: {} }, parallel: 1, ...changes });

  test("is taken over by another experiment with the same, with the very same figures", async () => {
    const first = await run(plain());
    // Another experiment: what differs is no part of SFT.
    const second = await run(
      plain({ training: { iterations: 7 } }),
      sharing(first.harness.recorder),
    );
    expect(second.calls.filter(({ command }) => command === "sft")).toEqual([]);
    const [told] = eventsOf(first.harness.events, "sft_finished");
    const [again] = eventsOf(second.harness.events, "sft_finished");
    expect(told!.artifact).toMatchObject({ reused: false });
    expect(again!.artifact).toEqual({ ...told!.artifact, reused: true });
    expect(again!.loss_last).toBe(told!.loss_last);
    const figures = [first, second].map(({ harness }) =>
      figuresOf(harness.events, "sft-s0").filter((event) =>
        ["evaluated", "model_exported"].includes((event as { type: string }).type),
      ),
    );
    expect(figures[0]!.length).toBeGreaterThan(1);
    expect(figures[1]).toEqual(figures[0]);
    for (const { harness } of [second, first]) harness.recorder.dispose();
  });

  test("leaves a run folder with its own checkpoint, that needs no artifact", async () => {
    const first = await run(plain());
    const { recorder } = (await run(plain(), sharing(first.harness.recorder))).harness;
    const [saved] = eventsOf(recorder.events, "checkpoint_saved");
    expect(saved).toMatchObject({ trial: "sft-s0", step: 0 });
    expect(saved!.bytes).toBeGreaterThan(0);
    expect(existsSync(`${recorder.completed.get(saved!.path)}/state.json`)).toBe(true);
    for (const one of [recorder, first.harness.recorder]) one.dispose();
  });

  test.each([
    ["steps", { sft: { steps: 5 } }],
    ["the seed", { seeds: [1] }],
    ["the model", { policy: { model: "stage:lm" }, stages }],
  ])("of other %s is another one", async (_, changes: ExperimentChanges) => {
    const first = await run(plain());
    const second = await run(plain(changes), sharing(first.harness.recorder));
    expect(second.calls.filter(({ command }) => command === "sft")).toHaveLength(1);
    for (const { harness } of [second, first]) harness.recorder.dispose();
  });

  test("that cannot be kept is done all the same, once, and a warning says so", async () => {
    const recorder = new MemoryRecorder();
    recorder.artifacts.obtain = async (_, build) => {
      await build(`${recorder.directory}`).catch(() => {});
      throw new RecordError("space", "cannot write /artifacts/x: the disk is full");
    };
    const { harness, outcome, calls } = await run(plain(), recorder);
    expect(outcome.outcome).toBe("done");
    expect(calls.filter(({ command }) => command === "sft")).toHaveLength(1);
    expect(eventsOf(harness.events, "sft_finished")[0]!.artifact).toBeNull();
    expect(eventsOf(harness.events, "warning")[0]!.message).toContain("the disk is full");
    recorder.dispose();
  });

  test("that another process does is waited for, and a stop ends the wait", async () => {
    const recorder = new MemoryRecorder();
    recorder.artifacts.maker = "process 7 on here";
    const harness = new Harness(
      plain(),
      () => null,
      (event, { stop }) => {
        if (event.type === "stage_started") stop.abort();
      },
      null,
      recorder,
    );
    expect((await harness.run()).outcome).toBe("interrupted");
    expect(eventsOf(harness.events, "stage_started")).toMatchObject([
      { name: "sft-s0", kind: "sft", waits_for: "process 7 on here" },
    ]);
    expect(harness.observed).toContainEqual(
      expect.objectContaining({ kind: "progress", phase: "wait", unit: "for process 7 on here" }),
    );
    expect(harness.allClosed).toBe(true);
  });
});
