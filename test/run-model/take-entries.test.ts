import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JournalEntry } from "../../src/journal/event-head.js";
import {
  elapsedSeconds,
  emptyRun,
  isPausing,
  markStopped,
  type RunModel,
} from "../../src/run-model/run-model.js";
import { takeEntries, takeProgress } from "../../src/run-model/take-entries.js";
import { evaluatedPayload } from "../engine/event-payloads.js";
import {
  begin,
  type Happened,
  journalOf,
  lost,
  runStarted,
  saved,
  started,
  stepped,
} from "./journal.js";

const a = "rlhf-s0";
const b = "ra-rlhf-s1";

function fold(happened: readonly Happened[], before = emptyRun()): RunModel {
  return takeEntries(before, journalOf(happened).entries);
}

function stepsOf(model: RunModel, id: string): number[] {
  return model.trials.find((trial) => trial.id === id)!.steps.map(({ head }) => head.step);
}

const underWay: readonly Happened[] = [
  [0, null, runStarted([a, b], 2)],
  ...started(1, a),
  stepped(3, a, 0),
  stepped(5, a, 1),
  saved(5, a, 2),
  stepped(7, a, 2),
];

describe("the model", () => {
  test("knows trials by the names that the run started with", () => {
    const { name, state, parallel, trials } = fold(underWay.slice(0, 1));
    expect({ name, state, parallel }).toEqual({ name: "small", state: "running", parallel: 2 });
    expect(trials.map(({ arm, seed, status }) => ({ arm, seed, status }))).toEqual([
      { arm: "rlhf", seed: 0, status: "waiting" },
      { arm: "ra-rlhf", seed: 1, status: "waiting" },
    ]);
  });

  test("keeps what the plan said of trials that have not started", () => {
    const planned = { id: b, arm: "ra-rlhf", seed: 1, stage: "rl", iterations: 60 } as const;
    const { trials } = fold(underWay, emptyRun([planned]));
    expect(trials.map(({ id, iterations }) => [id, iterations])).toEqual([
      [b, 60],
      [a, 60],
    ]);
  });

  test("has a trial's steps, checkpoints, worker and times", () => {
    const [trial] = fold(underWay).trials;
    expect(stepsOf(fold(underWay), a)).toEqual([0, 1, 2]);
    expect(trial).toMatchObject({
      status: "running",
      iterations: 60,
      checkpoints: [2],
      worker: { device: "cpu" },
      startedAt: begin + 1,
      lastStepAt: begin + 7,
    });
    // The first step says of itself that it took 1 s, the others came 2 s apart.
    expect(trial!.pace).toBeCloseTo(1 + 0.2 + 0.8 * 0.2, 10);
  });

  test("goes back when a worker is lost, and on when the work is done again", () => {
    const back = fold([...underWay, lost(8, a, 2)]);
    expect(stepsOf(back, a)).toEqual([0, 1]);
    expect(back.trials[0]).toMatchObject({ status: "starting", restarts: 1, lastStepAt: null });
    const again = fold([...underWay, lost(8, a, 2), stepped(20, a, 2, { reward_mean: 7 })]);
    expect(again.trials[0]!.steps.at(-1)!.head.reward_mean).toBe(7);
    // The worker's absence is no part of the pace.
    expect(again.trials[0]!.pace).toBeLessThan(2);
  });

  test("goes back to the start where nothing was saved", () => {
    expect(stepsOf(fold([...underWay, lost(8, a, null)]), a)).toEqual([]);
  });

  test("goes back when a checkpoint is damaged, and forgets the checkpoint", () => {
    const damaged = { type: "checkpoint_damaged", step: 2, path: "c", message: "m" } as const;
    const model = fold([...underWay, [8, a, { ...damaged, from: null }]]);
    expect(stepsOf(model, a)).toEqual([]);
    expect(model.trials[0]!.checkpoints).toEqual([]);
  });

  test("goes back in every trial that a resume names, and runs again", () => {
    const end = { type: "run_finished", outcome: "interrupted", message: "m", seconds: 1 } as const;
    const resume = { type: "run_resumed", parallel: 1, cut_bytes: 0 } as const;
    const ended = fold([...underWay, [8, null, end]]);
    expect(ended).toMatchObject({ state: "interrupted", message: "m" });
    const from = { [a]: 2, [b]: null };
    const model = fold([...underWay, [8, null, end], [90, null, { ...resume, from }]]);
    expect(model).toMatchObject({ state: "running", parallel: 1, message: "" });
    expect(stepsOf(model, a)).toEqual([0, 1]);
    expect(model.trials.map(({ status }) => status)).toEqual(["waiting", "waiting"]);
  });

  test("does not go back in a trial whose work is all on disk", () => {
    const last: Happened[] = [
      ...started(1, a, 2),
      stepped(2, a, 0),
      stepped(3, a, 1),
      [4, a, evaluatedPayload({ step: 2, final: true })],
      [5, a, { type: "model_exported", path: "m", files: {}, bytes: 1 }],
      lost(6, a, null),
    ];
    expect(stepsOf(fold(last), a)).toEqual([0, 1]);
  });

  test("counts failed rewards of the steps that count", () => {
    const failing: Happened[] = [...underWay, stepped(9, a, 3, { failed: 5 })];
    expect(fold(failing).trials[0]!.failedRewards).toBe(5);
    expect(fold([...failing, lost(10, a, 2)]).trials[0]!.failedRewards).toBe(0);
  });

  test("has one evaluation a policy: the later", () => {
    const twice: Happened[] = [1, 2].map((reward_mean) => [
      8,
      a,
      evaluatedPayload({ step: 2, metrics: { reward_mean } }),
    ]);
    const { evaluations } = fold([...underWay, ...twice]).trials[0]!;
    expect(evaluations.map(({ head }) => head.metrics)).toEqual([{ reward_mean: 2 }]);
  });

  test("is paused, goes on, stops and ends as the journal says", () => {
    const states = [
      { type: "paused" },
      { type: "continued" },
      { type: "stop_requested", how: "after-step" },
      { type: "run_finished", outcome: "failed", message: "broke", seconds: 2 },
    ] as const;
    const seen = states.map(
      (_, at) =>
        fold([...underWay, ...states.slice(0, at + 1).map((what): Happened => [9, null, what])])
          .state,
    );
    expect(seen).toEqual(["paused", "running", "stopping", "failed"]);
  });

  test("counts the time in which a controller had it, and no other", () => {
    const resumed: Happened = [
      600,
      null,
      { type: "run_resumed", parallel: 2, cut_bytes: 0, from: { [a]: 2 } },
    ];
    const killed = fold(underWay);
    expect(elapsedSeconds(emptyRun(), begin)).toBeNull();
    expect(elapsedSeconds(killed, begin + 9)).toBeCloseTo(9, 6);
    expect(elapsedSeconds(markStopped(killed), begin + 500)).toBeCloseTo(7, 6);
    const again = fold([...underWay, resumed]);
    expect(elapsedSeconds(again, begin + 605)).toBeCloseTo(7 + 5, 6);
    const done = { type: "run_finished", outcome: "done", message: "", seconds: 1 } as const;
    const over = fold([...underWay, resumed, [630, null, done]]);
    expect(elapsedSeconds(over, begin + 9000)).toBeCloseTo(7 + 30, 6);
  });

  test("is pausing until each trial at work has done what it had in hand", () => {
    const paused: Happened = [8, null, { type: "paused" }];
    const both = [...underWay, ...started(7, b), paused];
    const pausing = (...more: Happened[]) => isPausing(fold([...both, ...more]));
    const warning: Happened = [9, a, { type: "warning", message: "slow" }];
    expect(pausing()).toBe(true);
    expect(pausing(stepped(9, a, 3))).toBe(true);
    expect(pausing(stepped(9, a, 3), warning)).toBe(true);
    expect(pausing(stepped(9, a, 3), stepped(9, b, 0))).toBe(false);
    const evaluate: Happened = [10, null, { type: "evaluation_requested", trials: [a] }];
    const idle = [stepped(9, a, 3), stepped(9, b, 0), evaluate];
    expect(pausing(...idle)).toBe(true);
    expect(pausing(...idle, [11, a, evaluatedPayload({ step: 4 })])).toBe(false);
    expect(pausing([9, null, { type: "continued" }])).toBe(false);
    // A worker that is being started tells of itself by its progress alone.
    const lostOne = fold([...both, stepped(9, b, 0), lost(9, a, 2)]);
    expect(isPausing(lostOne)).toBe(false);
    const load = {
      kind: "progress",
      phase: "load",
      done: 1,
      total: 4,
      unit: "models",
      loss: null,
    } as const;
    expect(isPausing(takeProgress(lostOne, { ...load, trial: a }, begin + 10))).toBe(true);
    expect(isPausing(takeProgress(lostOne, { ...load, done: 4, trial: a }, begin + 10))).toBe(
      false,
    );
  });

  test("is stopped when nobody runs it and it has no end; a resume starts it again", () => {
    const stopped = markStopped(fold(underWay));
    expect(stopped.state).toBe("stopped");
    const resume = { type: "run_resumed", parallel: 1, cut_bytes: 0, from: {} } as const;
    const more = journalOf([[50, null, resume]], 100).entries;
    expect(takeEntries(stopped, more).state).toBe("running");
    const done = { type: "run_finished", outcome: "done", message: "", seconds: 1 } as const;
    expect(markStopped(fold([...underWay, [9, null, done]])).state).toBe("done");
  });

  test("tells in words what happened, made safe, but not of every step", () => {
    const model = fold([
      ...underWay,
      lost(8, a, 2),
      [9, a, { type: "warning", message: "odd\u001b[2J\nthing" }],
    ]);
    expect(model.log.map(({ level, text }) => `${level}: ${text}`)).toEqual([
      "info: run started: 2 trials, 2 in parallel",
      "info: worker ready: engine e, worker package 1, process 1 on node-1",
      "info: started: 60 iterations",
      "info: models loaded on cpu in 1.0 s: 0.0 M parameters",
      "info: checkpoint at iteration 2, 1 MB",
      "warning: worker lost (exited): gone; restart 1 from iteration 2",
      "warning: odd⟨U+001B⟩[2J⏎thing",
    ]);
  });

  test("leaves the model before as it was", () => {
    const before = fold(underWay);
    const copy = structuredClone(before);
    takeEntries(before, journalOf([lost(8, a, null), stepped(9, a, 0)], 50).entries);
    expect(before).toEqual(copy);
  });
});

describe("any split of the journal into batches", () => {
  const anything = fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant("step" as const), id: fc.constantFrom(a, b) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constantFrom("lost" as const, "saved" as const, "damaged" as const),
          id: fc.constantFrom(a, b),
          from: fc.nat(8),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant("resumed" as const), from: fc.nat(8) }),
      },
    ),
    { maxLength: 60 },
  );

  test("gives the same model", () => {
    fc.assert(
      fc.property(anything, fc.array(fc.integer({ min: 1, max: 9 })), (requests, sizes) => {
        const entries = journalOf(asHappened(requests)).entries;
        expect(inBatches(entries, sizes)).toEqual(takeEntries(emptyRun(), entries));
      }),
    );
  });

  test("has the steps 0, 1, 2, … of every trial, whatever was done again", () => {
    fc.assert(
      fc.property(anything, (requests) => {
        const model = takeEntries(emptyRun(), journalOf(asHappened(requests)).entries);
        for (const { id } of model.trials) {
          const steps = stepsOf(model, id);
          expect(steps).toEqual(steps.map((_, at) => at));
        }
      }),
    );
  });

  type Requests = typeof anything extends fc.Arbitrary<infer W> ? W : never;

  /** Steps are numbered as an engine would: on from where the trial stands. */
  function asHappened(requests: Requests): Happened[] {
    const happened: Happened[] = [
      [0, null, runStarted([a, b])],
      ...started(1, a),
      ...started(1, b),
    ];
    const done: Record<string, number> = { [a]: 0, [b]: 0 };
    for (const [at, request] of requests.entries()) {
      if (request.kind === "resumed") {
        for (const id of [a, b]) {
          done[id] = Math.min(done[id]!, request.from);
        }
        const resume = { type: "run_resumed", parallel: 1, cut_bytes: 0 } as const;
        happened.push([at, null, { ...resume, from: { ...done } }]);
      } else if (request.kind === "step") {
        happened.push(stepped(at, request.id, done[request.id]!, { failed: at % 3 }));
        done[request.id]! += 1;
      } else if (request.kind === "saved") {
        happened.push(saved(at, request.id, done[request.id]!));
      } else {
        const from = Math.min(done[request.id]!, request.from);
        done[request.id] = from;
        const damage = {
          type: "checkpoint_damaged",
          step: from + 1,
          path: "c",
          message: "m",
        } as const;
        happened.push(
          request.kind === "lost"
            ? lost(at, request.id, from === 0 ? null : from)
            : [at, request.id, { ...damage, from }],
        );
      }
    }
    return happened;
  }

  function inBatches(entries: readonly JournalEntry[], sizes: readonly number[]): RunModel {
    let model = emptyRun();
    let from = 0;
    for (const size of [...sizes, entries.length]) {
      model = takeEntries(model, entries.slice(from, from + size));
      from += size;
    }
    return model;
  }
});

describe("a long history", () => {
  test("of 10,000 steps in chunks is folded whole", () => {
    const steps = Array.from({ length: 10_000 }, (_, step) => stepped(step, a, step));
    const { entries } = journalOf([...started(0, a, 10_000), ...steps]);
    let model = emptyRun();
    for (let from = 0; from < entries.length; from += 400) {
      model = takeEntries(model, entries.slice(from, from + 400));
    }
    expect(stepsOf(model, a)).toHaveLength(10_000);
  });
});

describe("progress", () => {
  const sampling = {
    kind: "progress",
    trial: a,
    phase: "sample",
    done: 3,
    total: 9,
    unit: "t",
    loss: null,
  } as const;

  test("is a phase of its trial, since when it was first heard of", () => {
    const once = takeProgress(fold(underWay), sampling, 100);
    const twice = takeProgress(once, { ...sampling, done: 5 }, 104);
    expect(twice.trials[0]!.phase).toEqual({
      name: "sample",
      done: 5,
      total: 9,
      unit: "t",
      since: 100,
    });
    const other = takeProgress(twice, { ...sampling, phase: "update" }, 106);
    expect(other.trials[0]!.phase!.since).toBe(106);
  });

  test("says that a trial is starting before the journal does, also one not heard of", () => {
    const model = takeProgress(fold(underWay), { ...sampling, trial: b }, 100);
    expect(model.trials[1]!.status).toBe("starting");
    expect(takeProgress(emptyRun(), sampling, 1).trials[0]).toMatchObject({ id: a, arm: "rlhf" });
  });

  test("ends with the next event, and says nothing of a trial that is over", () => {
    const sampled = takeProgress(fold(underWay), sampling, 100);
    const more = journalOf([stepped(9, a, 3)], 50).entries;
    expect(takeEntries(sampled, more).trials[0]!.phase).toBeNull();
    const over = fold([...underWay, [9, a, { type: "trial_finished", seconds: 9 }]]);
    expect(takeProgress(over, sampling, 100)).toBe(over);
  });
});
