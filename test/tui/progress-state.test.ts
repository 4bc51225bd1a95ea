import { describe, expect, test } from "vitest";
import type { Observation } from "../../src/experiment/observation.js";
import {
  afterObservation,
  type ProgressState,
  startProgress,
} from "../../src/tui/progress-state.js";
import {
  evaluated,
  event,
  failed,
  finished,
  planned,
  progress,
  started,
  step,
} from "./observations.js";

const fresh = startProgress("quickstart", planned, 2, 100);

function fold(observations: readonly (readonly [number, Observation])[]): ProgressState {
  return observations.reduce((state, [now, one]) => afterObservation(state, one, now), fresh);
}

function trial(state: ProgressState, id: string) {
  return state.trials.find((one) => one.id === id)!;
}

describe("a trial", () => {
  test("waits, starts, runs and ends", () => {
    expect(trial(fresh, "rlhf-s0").status).toBe("waiting");
    const opened: [number, Observation] = [
      101,
      event("rlhf-s0", {
        type: "worker_opened",
        pid: 1,
        engine: "torch",
        version: "0.1.0",
        checkpoints: true,
      }),
    ];
    expect(trial(fold([opened]), "rlhf-s0").status).toBe("starting");
    const begun = fold([opened, [102, started("rlhf-s0")]]);
    expect(trial(begun, "rlhf-s0")).toMatchObject({ status: "running", startedAt: 102 });
    const over = fold([opened, [102, started("rlhf-s0")], [150, finished("rlhf-s0")]]);
    expect(trial(over, "rlhf-s0")).toMatchObject({ status: "done", endedAt: 150, phase: null });
  });

  test("goes back to its checkpoint when its worker is lost, or the run taken up again", () => {
    const lost = event("rlhf-s0", {
      type: "worker_lost",
      reason: "exited",
      action: "step",
      message: "it died",
      detail: null,
      stacks: null,
      restarts: 1,
      from: 1,
    });
    const before: [number, Observation][] = [
      [102, started("rlhf-s0")],
      [104, step("rlhf-s0", 0)],
      [106, step("rlhf-s0", 1)],
      [108, step("rlhf-s0", 2)],
    ];
    expect(trial(fold([...before, [109, lost]]), "rlhf-s0")).toMatchObject({
      status: "starting",
      stepsDone: 1,
    });
    const from = { "rlhf-s0": null };
    const facts = { type: "run_resumed", parallel: 3, cut_bytes: 0, from } as const;
    const resumed = fold([...before, [109, event(null, facts)]]);
    expect(resumed.parallel).toBe(3);
    expect(trial(resumed, "rlhf-s0")).toMatchObject({ status: "waiting", stepsDone: 0 });
  });

  test("is starting as soon as its worker reports anything", () => {
    expect(trial(fold([[101, progress("rlhf-s0", "import", 0, 0)]]), "rlhf-s0").status).toBe(
      "starting",
    );
  });

  test("keeps the time a phase began while it goes on", () => {
    const phases = fold([
      [101, progress("sft-s0", "sft", 1, 60, "steps")],
      [105, progress("sft-s0", "sft", 9, 60, "steps")],
    ]);
    expect(trial(phases, "sft-s0").phase).toMatchObject({ done: 9, since: 101 });
    const next = afterObservation(phases, progress("sft-s0", "save", 0, 1), 110);
    expect(trial(next, "sft-s0").phase).toMatchObject({ name: "save", since: 110 });
  });

  test("has the pace of its steps, the newest counting for a fifth", () => {
    const first = fold([
      [102, started("rlhf-s0")],
      [110, step("rlhf-s0", 0)],
    ]);
    expect(trial(first, "rlhf-s0")).toMatchObject({ stepsDone: 1, pace: 3 });
    const second = afterObservation(first, step("rlhf-s0", 1), 118);
    expect(trial(second, "rlhf-s0").pace).toBeCloseTo(3 + 0.2 * 5, 10);
  });

  test("takes its place up again when resumed at a later step", () => {
    const resumed = fold([
      [102, started("rlhf-s0")],
      [105, step("rlhf-s0", 39)],
    ]);
    expect(trial(resumed, "rlhf-s0").stepsDone).toBe(40);
  });

  test("shows its final figures, not those of a checkpoint", () => {
    const judged = fold([[101, evaluated("sft-s0")]]);
    expect(trial(judged, "sft-s0").result).toMatchObject({ harm_rate: 0.114 });
  });

  test("that failed says why", () => {
    const broken = fold([[101, failed("rlhf-s0", "out of memory")]]);
    expect(trial(broken, "rlhf-s0")).toMatchObject({ status: "failed", message: "out of memory" });
  });
});

describe("the run", () => {
  test("takes names from its first event where it was given no plan", () => {
    const state = afterObservation(
      startProgress("?", [], 1, 0),
      event(null, {
        type: "run_started",
        name: "study",
        trials: ["sft-s0", "rlhf-s0"],
        parallel: 2,
      }),
      0,
    );
    expect(state).toMatchObject({ name: "study", parallel: 2 });
    expect(state.trials.map(({ id }) => id)).toEqual(["sft-s0", "rlhf-s0"]);
  });

  test("knows that a stop was asked for, and how it ended", () => {
    const stopped = fold([[101, event(null, { type: "stop_requested", how: "after-step" })]]);
    expect(stopped.stopping).toBe("after-step");
    const outcome = {
      type: "run_finished",
      outcome: "interrupted",
      message: "",
      seconds: 3,
    } as const;
    expect(afterObservation(stopped, event(null, outcome), 103).outcome).toBe("interrupted");
  });

  test("shows the last warning, whichever trial it came from", () => {
    const warned = fold([[101, event("rlhf-s0", { type: "warning", message: "KL is far off" })]]);
    expect(warned.warning).toBe("KL is far off");
  });

  test("does not change for a trial it does not know", () => {
    expect(afterObservation(fresh, progress("other-s9", "load", 0, 0), 101)).toBe(fresh);
  });
});
