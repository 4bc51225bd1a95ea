/** The run's state machine under every order of events that workers, users and faults can make. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TrialAction } from "../../src/engine/action.js";
import { planRun } from "../../src/engine/plan.js";
import { advance } from "../../src/engine/state.js";
import { stepPayload } from "./event-payloads.js";
import { smallExperiment } from "./experiments.js";
import { Driver, must, plans, replay, turns } from "./machine-driver.js";

describe("a run without faults", () => {
  test("does all of every trial, in its order, whatever finishes first", () => {
    fc.assert(
      fc.property(plans, turns, (plan, stream) => {
        const driver = new Driver(plan);
        for (const { pick } of stream) {
          if (driver.busy.length === 0) {
            break;
          }
          driver.settle(driver.busy[pick % driver.busy.length]!, "well");
        }
        driver.finish();
        expect(driver.state.phase).toBe("done");
        for (const trial of plan.trials) {
          const own = driver.started.filter((action) => action.trial === trial.id);
          const steps = own.flatMap((action) => (action.kind === "step" ? [action.step] : []));
          expect(steps).toEqual(Array.from({ length: trial.iterations }, (_, m) => m));
          const finals = own.filter((action) => action.kind === "evaluate" && action.final);
          expect(finals.length).toBe(trial.reported ? 1 : 0);
          const trained = trial.fineTunes || trial.iterations > 0;
          expect(own.filter(({ kind }) => kind === "export").length).toBe(trained ? 1 : 0);
          expect(own.filter(({ kind }) => kind === "open").length).toBe(1);
          expect(own.at(-1)!.kind).toBe("finish");
        }
      }),
      { numRuns: 60 },
    );
  });

  test("checkpoints and evaluates at the configured steps, and after the last", () => {
    const plan = planRun(
      smallExperiment({
        arms: { sft: {}, rlhf: { training: { iterations: 5 } } },
        evaluation: { every: 2 },
        checkpoint: { every: 3 },
        parallel: 1,
      }),
      { cores: 1, gpus: 0 },
    );
    const driver = new Driver(plan);
    while (driver.busy.length > 0) {
      driver.settle(driver.busy[0]!, "well");
    }
    const said = driver.started.map((action) => {
      const at = "step" in action ? ` ${action.step}` : "";
      const last = action.kind === "evaluate" && action.final ? " final" : "";
      return `${action.kind}${at}${last}`;
    });
    expect(said).toEqual([
      ...["open", "load", "sft", "checkpoint 0", "export 0", "evaluate 0", "evaluate 0 final"],
      "finish",
      ...["open", "load", "step 0", "step 1", "evaluate 2", "step 2", "checkpoint 3", "step 3"],
      ...["evaluate 4", "step 4", "checkpoint 5", "evaluate 5", "evaluate 5 final", "export 5"],
      "finish",
    ]);
  });

  test("opens the next workers while SFT trains, and loads them once its model is there", () => {
    const plan = planRun(smallExperiment({ parallel: 2 }), { cores: 2, gpus: 0 });
    const driver = new Driver(plan);
    driver.settle("sft-s0", "well");
    driver.settle("sft-s0", "well");
    expect(driver.inHand.get("sft-s0")!.kind).toBe("sft");
    expect(driver.inHand.get("rlhf-s0")!.kind).toBe("open");
    driver.settle("rlhf-s0", "well");
    driver.settle("ra-rlhf-s0", "well");
    expect(driver.busy).toEqual(["sft-s0"]);
    driver.settle("sft-s0", "well");
    driver.settle("sft-s0", "well");
    driver.settle("sft-s0", "well");
    expect(driver.inHand.get("sft-s0")!.kind).toBe("evaluate");
    expect(driver.inHand.get("rlhf-s0")!.kind).toBe("load");
    expect(driver.inHand.has("ra-rlhf-s0")).toBe(false);
  });

  test.each([{ cluster: true }, { workers: 2 }])(
    "opens none early where workers have few places: %j",
    (places) => {
      const hardware = { cores: 2, gpus: 0, ...places };
      const driver = new Driver(planRun(smallExperiment({ parallel: 2 }), hardware));
      driver.settle("sft-s0", "well");
      driver.settle("sft-s0", "well");
      expect(driver.inHand.get("sft-s0")!.kind).toBe("sft");
      expect(driver.busy).toEqual(["sft-s0"]);
    },
  );

  test("a worker that is opening early gets the slot that becomes free, before any other", () => {
    const plan = planRun(smallExperiment({ parallel: 2 }), { cores: 2, gpus: 0 });
    const driver = new Driver(plan);
    for (let settled = 0; settled < 5; settled += 1) {
      driver.settle("sft-s0", "well");
    }
    expect(driver.state.trials["rlhf-s0"]).toMatchObject({ inHand: "open", slot: 1 });
    driver.settle("rlhf-s0", "well");
    expect(driver.inHand.get("rlhf-s0")!.kind).toBe("load");
  });

  test("gives every trial beside another a GPU of its own", () => {
    const experiment = smallExperiment({ backend: { device: "auto" }, parallel: 0 });
    const driver = new Driver(planRun(experiment, { cores: 8, gpus: 2 }));
    while (driver.busy.length > 0) {
      driver.settle(driver.busy[0]!, "well");
    }
    const devices = driver.started.flatMap((action) =>
      action.kind === "load" ? [action.device] : [],
    );
    expect(new Set(devices)).toEqual(new Set(["cuda:0", "cuda:1"]));
  });

  test("carries β and compute from step to step", () => {
    const plan = planRun(smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 } }), {
      cores: 1,
      gpus: 0,
    });
    const driver = new Driver(plan);
    while (driver.busy.length > 0) {
      driver.settle(driver.busy[0]!, "well");
    }
    const steps = driver.started.filter((action) => action.kind === "step");
    // KL 9 against a target of 6: the error is clipped at 0.2.
    expect(steps[1]!.beta).toBe(0.2 * (1 + 0.0128 * 0.2));
    expect(steps.map(({ compute }) => compute)).toEqual([0, 10, 20, 30, 40, 50]);
  });
});

describe("with faults and stops at any time", () => {
  type Disturbance = "after-step" | "now" | "fault";
  /** Turn → what happens then. */
  const disturbances = fc
    .tuple(
      fc.nat(40),
      fc.constantFrom<Disturbance[]>(
        ["after-step"],
        ["now"],
        ["after-step", "now"],
        ["fault"],
        ["fault", "fault"],
        ["after-step", "fault"],
        ["fault", "now"],
      ),
    )
    .map(([turn, kinds]) => new Map(kinds.map((kind, index) => [turn + 2 * index, kind])));

  test("ends at rest, keeps what is done, and says how it ended", () => {
    fc.assert(
      fc.property(plans, turns, disturbances, (plan, stream, planned) => {
        const driver = new Driver(plan);
        const met = new Set<Disturbance>();
        let turn = 0;
        for (const { pick, how } of stream) {
          if (driver.busy.length === 0) {
            break;
          }
          const trial = driver.busy[pick % driver.busy.length]!;
          const disturbance = planned.get(turn);
          turn += 1;
          if (disturbance === undefined) {
            driver.settle(trial, how);
          } else {
            met.add(disturbance);
            if (disturbance === "fault") {
              driver.settle(trial, "failed");
            } else {
              driver.happen(null, { type: "stop_requested", how: disturbance });
            }
          }
        }
        driver.finish();
        const trials = Object.values(driver.state.trials);
        const allDone = trials.every(({ phase }) => phase === "done");
        if (met.has("fault")) {
          expect(driver.state.phase).toBe("failed");
          expect(driver.state.failure?.message).toMatch(/broke$/);
        } else {
          expect(driver.state.phase).toBe(allDone ? "done" : "interrupted");
          expect(allDone || met.size > 0).toBe(true);
        }
        if (!met.has("now") && !met.has("fault")) {
          // An orderly stop loses no iteration.
          expect(trials.every(({ saved, step }) => (saved.at(-1)?.step ?? 0) === step)).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("replaying the journal gives the same state after every event", () => {
    fc.assert(
      fc.property(plans, turns, fc.nat(60), (plan, stream, stopAt) => {
        const driver = new Driver(plan);
        let turn = 0;
        for (const { pick, how } of stream) {
          if (driver.busy.length === 0) {
            break;
          }
          if (turn === stopAt) {
            driver.happen(null, { type: "stop_requested", how: "after-step" });
          } else {
            driver.settle(driver.busy[pick % driver.busy.length]!, how);
          }
          turn += 1;
        }
        driver.finish();
        for (let count = 1; count <= driver.events.length; count += 7) {
          expect(replay(plan, driver.events.slice(0, count))).toEqual(driver.states[count - 1]);
        }
        expect(replay(plan, driver.events)).toEqual(driver.state);
      }),
      { numRuns: 40 },
    );
  });

  test("an orderly stop lets a step finish and checkpoints it; evaluations are aborted", () => {
    const plan = planRun(smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 } }), {
      cores: 1,
      gpus: 0,
    });
    const driver = new Driver(plan);
    for (let settled = 0; settled < 5; settled += 1) {
      driver.settle("rlhf-s0", "well");
    }
    expect(driver.inHand.get("rlhf-s0")).toMatchObject({ kind: "evaluate", step: 2 });
    driver.happen(null, { type: "stop_requested", how: "after-step" });
    expect(driver.told.get("rlhf-s0")).toBe("soft");
    driver.settle("rlhf-s0", "aborted");
    expect(driver.inHand.get("rlhf-s0")).toMatchObject({ kind: "checkpoint", step: 2 });
    driver.settle("rlhf-s0", "well");
    expect(driver.inHand.get("rlhf-s0")).toMatchObject({ kind: "release", step: 2, saved: 2 });
    driver.settle("rlhf-s0", "well");
    driver.finish();
    expect(driver.state.phase).toBe("interrupted");
  });

  test("sends waiting workers home", () => {
    const plan = planRun(smallExperiment({ parallel: 2 }), { cores: 2, gpus: 0 });
    const driver = new Driver(plan);
    driver.settle("sft-s0", "well");
    driver.settle("rlhf-s0", "well");
    driver.happen(null, { type: "stop_requested", how: "after-step" });
    expect(driver.inHand.get("rlhf-s0")!.kind).toBe("release");
  });
});

describe("restarts and resumes", () => {
  const hows = fc.constantFrom(
    ...(["well", "well", "well", "well", "lost", "unsaved", "aborted"] as const),
  );
  const bumps = fc.infiniteStream(
    fc.record({ pick: fc.nat(1000), how: hows, resume: fc.integer({ min: 0, max: 19 }) }),
  );

  test("every iteration is done once, from a state that was saved or made on the way", () => {
    fc.assert(
      fc.property(plans, bumps, fc.nat(80), (plan, stream, quiet) => {
        const driver = new Driver(plan);
        /** What the worker of each trial holds: iterations done. */
        const held = new Map<string, number>();
        let turn = 0;
        for (const { pick, how, resume } of stream) {
          if (driver.concluding !== null) {
            break;
          }
          turn += 1;
          if (turn < quiet && resume === 0) {
            held.clear();
            driver.resume((pick % 4) + 1);
            continue;
          }
          const trial = driver.busy[pick % driver.busy.length]!;
          const action = driver.inHand.get(trial)!;
          if (action.kind === "step") {
            must(held.get(trial) === action.step, "the worker stands where the step begins");
          }
          if (action.kind === "checkpoint" || action.kind === "evaluate") {
            must(held.get(trial) === action.step, "what is saved or judged is what is held");
          }
          const settled = turn < quiet ? how : "well";
          driver.settle(trial, settled);
          if (settled === "lost") {
            held.delete(trial);
          } else if (action.kind === "load") {
            held.set(trial, 0);
          } else if (action.kind === "restore" && settled !== "unsaved") {
            held.set(trial, action.step);
          } else if (action.kind === "step") {
            held.set(trial, action.step + 1);
          }
        }
        driver.finish();
        expect(driver.state.phase).toBe("done");
        for (const trial of plan.trials) {
          const own = driver.state.trials[trial.id]!;
          expect(own).toMatchObject({ phase: "done", step: trial.iterations });
          expect(own.evaluated || !trial.reported).toBe(true);
          expect(own.saved.length).toBeLessThanOrEqual(Math.max(plan.retention.last, 1));
        }
        expect(replay(plan, driver.events)).toEqual(driver.state);
      }),
      { numRuns: 150 },
    );
  });

  const alone = (): Driver => {
    const experiment = smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 }, parallel: 1 });
    return new Driver(planRun(experiment, { cores: 1, gpus: 0 }));
  };
  const settle = (driver: Driver, until: (action: TrialAction) => boolean): void => {
    while (!until(driver.inHand.get("rlhf-s0")!)) {
      driver.settle("rlhf-s0", "well");
    }
  };

  test("a lost worker's trial waits longer each time, restores and goes on with its β and memory", () => {
    const driver = alone();
    settle(driver, (action) => action.kind === "step" && action.step === 5);
    const action = driver.inHand.get("rlhf-s0") as Extract<TrialAction, { kind: "step" }>;
    const { beta, compute, memory } = action;
    expect(memory.measure).toEqual({ threshold: [4] });
    const delays: number[] = [];
    for (let losses = 0; losses < 3; losses += 1) {
      driver.settle("rlhf-s0", "lost");
      delays.push((driver.inHand.get("rlhf-s0") as { delay: number }).delay);
      settle(driver, ({ kind }) => kind === "restore");
      expect(driver.inHand.get("rlhf-s0")).toMatchObject({ step: 4, path: "c/4", older: null });
    }
    expect(delays).toEqual([1, 2, 4]);
    settle(driver, (action) => action.kind === "step" && action.step === 5);
    expect(driver.inHand.get("rlhf-s0")).toMatchObject({ beta, compute, memory });
  });

  test("a run that ended for good cannot be resumed", () => {
    const driver = alone();
    while (driver.busy.length > 0) {
      driver.settle("rlhf-s0", "well");
    }
    driver.finish();
    expect(() => driver.resume()).toThrow(/run_resumed does not fit: the run is done/);
  });

  test("a trial that was complete but for its end is not opened again", () => {
    const driver = alone();
    settle(driver, ({ kind }) => kind === "finish");
    driver.resume();
    expect(driver.inHand.get("rlhf-s0")!.kind).toBe("finish");
  });
});

describe("events that cannot be", () => {
  const driver = (): Driver =>
    new Driver(
      planRun(smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 } }), { cores: 1, gpus: 0 }),
    );

  test("a step out of order is refused with its event's number", () => {
    const run = driver();
    for (let settled = 0; settled < 3; settled += 1) {
      run.settle("rlhf-s0", "well");
    }
    const event = { seq: 9, time: "", trial: "rlhf-s0", ...stepPayload({ step: 1 }) } as const;
    expect(() => advance(run.plan, run.state, event)).toThrow(
      /event 9: step 1 of rlhf-s0 does not fit: .*current action: step/,
    );
  });

  test("an event of an unknown trial, or of a run that is over, is refused", () => {
    const run = driver();
    const event = { seq: 2, time: "", trial: "x-s0", type: "trial_finished", seconds: 1 } as const;
    expect(() => advance(run.plan, run.state, event)).toThrow(/event 2.*no such trial/);
    while (run.busy.length > 0) {
      run.settle(run.busy[0]!, "well");
    }
    run.finish();
    expect(() => advance(run.plan, run.state, { ...event, trial: "rlhf-s0" })).toThrow(
      /the run is done/,
    );
  });
});
