/** What users ask of a run while it goes on: refusals, and the state machine under all of it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TrialAction } from "../../src/engine/action.js";
import { type RunCommand, runCommands } from "../../src/engine/commands.js";
import { planRun } from "../../src/engine/plan.js";
import { type ExperimentChanges, smallExperiment } from "./experiments.js";
import { Driver, plans, replay, turns } from "./machine-driver.js";

type Step = Extract<TrialAction, { kind: "step" }>;

function stepsOf(driver: Driver, trial: string): Step[] {
  return driver.started.filter(
    (action): action is Step => action.kind === "step" && action.trial === trial,
  );
}

/** Everything settles well until nothing is in hand. */
function drain(driver: Driver): void {
  while (driver.busy.length > 0) {
    driver.settle(driver.busy[0]!, "well");
  }
}

describe("under commands at any time", () => {
  const disturbances = fc.infiniteStream(
    fc.record({
      command: fc.constantFrom<RunCommand | null>(
        ...([null, null, null, "pause", "continue", "checkpoint", "evaluate"] as const),
      ),
      how: fc.constantFrom(...(["well", "well", "well", "well", "lost", "unsaved"] as const)),
      killed: fc.integer({ min: 0, max: 29 }),
    }),
  );

  test("every iteration is done once, with the same β and compute, and replay agrees", () => {
    fc.assert(
      fc.property(plans, turns, disturbances, fc.nat(80), (plan, stream, asked, quiet) => {
        const driver = new Driver(plan);
        let turn = 0;
        for (const { pick } of stream) {
          if (driver.concluding !== null) {
            break;
          }
          turn += 1;
          const { command, how, killed } = asked.next().value!;
          if (turn < quiet && command !== null) {
            const { paused } = driver.state;
            const refused = driver.command(command);
            expect(command !== "pause" || (refused !== null) === paused).toBe(true);
            expect(command !== "continue" || (refused === null) === paused).toBe(true);
          } else if (turn < quiet && killed === 0) {
            driver.resume((pick % 4) + 1);
            expect(driver.state.paused).toBe(false);
          } else if (driver.busy.length > 0) {
            const settled = turn < quiet ? how : "well";
            driver.settle(driver.busy[pick % driver.busy.length]!, settled);
          } else {
            // Nothing is in hand and it has not ended: it waits for its user, and only then.
            expect(driver.command("continue")).toBeNull();
          }
        }
        driver.finish();
        expect(driver.state.phase).toBe("done");
        const undisturbed = new Driver(plan);
        drain(undisturbed);
        for (const { id, iterations } of plan.trials) {
          const plain = stepsOf(undisturbed, id);
          for (const { step, beta, compute } of stepsOf(driver, id)) {
            expect({ step, beta, compute }).toMatchObject({
              beta: plain[step]!.beta,
              compute: plain[step]!.compute,
            });
          }
          expect(driver.state.trials[id]).toMatchObject({
            phase: "done",
            step: iterations,
            evaluated: undisturbed.state.trials[id]!.evaluated,
          });
        }
        for (let count = 1; count <= driver.events.length; count += 5) {
          expect(replay(plan, driver.events.slice(0, count))).toEqual(driver.states[count - 1]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a stop ends it, paused or not, and a resume goes on unpaused", () => {
    fc.assert(
      fc.property(
        plans,
        turns,
        fc.nat(60),
        fc.boolean(),
        fc.constantFrom<RunCommand>("stop", "abort"),
        (plan, stream, at, paused, stop) => {
          const driver = new Driver(plan);
          let turn = 0;
          for (const { pick, how } of stream) {
            if (driver.concluding !== null) {
              break;
            }
            if (turn === at && paused) {
              expect(driver.command("pause")).toBeNull();
            }
            const hand = driver.busy;
            const stops = turn >= at + 3 || hand.length === 0;
            if (stops && driver.state.stop === "no") {
              expect(driver.command(stop)).toBeNull();
            } else {
              driver.settle(hand[pick % hand.length]!, how);
            }
            turn += 1;
          }
          driver.finish();
          if (driver.state.phase === "interrupted") {
            driver.resume();
            expect(driver.state).toMatchObject({ paused: false, stop: "no" });
            drain(driver);
            driver.finish();
          }
          expect(driver.state.phase).toBe("done");
          expect(replay(plan, driver.events)).toEqual(driver.state);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("one trial", () => {
  const alone = (changes: ExperimentChanges = {}): Driver => {
    const experiment = smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 }, ...changes });
    return new Driver(planRun({ ...experiment }, { cores: 1, gpus: 0 }));
  };
  const hand = (driver: Driver): string => {
    const action = driver.inHand.get("rlhf-s0");
    return action === undefined
      ? "nothing"
      : `${action.kind}${"step" in action ? ` ${action.step}` : ""}`;
  };
  const settle = (driver: Driver): void => driver.settle("rlhf-s0", "well");
  const until = (driver: Driver, what: string): Driver => {
    while (hand(driver) !== what) {
      settle(driver);
    }
    return driver;
  };

  test("paused in a step: it is finished, the next begins on continue", () => {
    const driver = until(alone(), "step 2");
    expect(driver.command("pause")).toBeNull();
    expect(hand(driver)).toBe("step 2");
    settle(driver);
    expect(hand(driver)).toBe("nothing");
    expect(driver.concluding).toBeNull();
    expect(driver.command("pause")).toBe("the run is already paused");
    expect(driver.command("continue")).toBeNull();
    expect(hand(driver)).toBe("step 3");
    expect(driver.command("continue")).toBe("the run is not paused");
  });

  test("paused before its worker has loaded: it loads no further", () => {
    const driver = alone();
    driver.command("pause");
    expect(hand(driver)).toBe("open");
    settle(driver);
    expect(hand(driver)).toBe("nothing");
    expect(driver.command("checkpoint")).toBe("no trial has trained since its last checkpoint");
    expect(driver.command("evaluate")).toBe("no trial has a policy that is not evaluated already");
    driver.command("continue");
    expect(hand(driver)).toBe("load");
  });

  test("asked to save and to be judged while paused: does both, once, and stays paused", () => {
    const driver = until(alone(), "step 2");
    driver.command("pause");
    settle(driver);
    expect(driver.command("checkpoint")).toBeNull();
    expect(hand(driver)).toBe("checkpoint 3");
    settle(driver);
    expect(driver.command("checkpoint")).toBe("no trial has trained since its last checkpoint");
    expect(driver.command("evaluate")).toBeNull();
    expect(hand(driver)).toBe("evaluate 3");
    settle(driver);
    expect(driver.command("evaluate")).toBe("no trial has a policy that is not evaluated already");
    expect(hand(driver)).toBe("nothing");
    driver.command("continue");
    expect(hand(driver)).toBe("step 3");
  });

  test("asked to in a step: as soon as it is done, saving first", () => {
    const driver = until(alone(), "step 2");
    expect(driver.command("evaluate")).toBeNull();
    expect(driver.command("checkpoint")).toBeNull();
    settle(driver);
    expect(hand(driver)).toBe("checkpoint 3");
    settle(driver);
    expect(hand(driver)).toBe("evaluate 3");
    settle(driver);
    expect(hand(driver)).toBe("step 3");
  });

  test("a checkpoint that is due comes before an evaluation that is asked for", () => {
    for (const paused of [false, true]) {
      const driver = until(alone(), "step 3");
      if (paused) {
        driver.command("pause");
      }
      driver.command("evaluate");
      settle(driver);
      expect(hand(driver)).toBe("checkpoint 4");
      settle(driver);
      expect(hand(driver)).toBe("evaluate 4");
      settle(driver);
      expect(hand(driver)).toBe(paused ? "nothing" : "step 4");
    }
  });

  test("what is in hand already answers the request for it", () => {
    const driver = until(alone(), "evaluate 2");
    expect(driver.command("evaluate")).toBeNull();
    settle(driver);
    expect(hand(driver)).toBe("step 2");
    until(driver, "checkpoint 4");
    expect(driver.command("checkpoint")).toBeNull();
    settle(driver);
    expect(hand(driver)).toBe("evaluate 4");
  });

  test("a final evaluation leaves nothing to ask for", () => {
    const driver = until(alone({ evaluation: { every: 0 } }), "export 6");
    expect(driver.command("evaluate")).toBe("no trial has a policy that is not evaluated already");
  });

  test("a checkpoint that fails is not tried again and again", () => {
    const driver = until(alone(), "step 2");
    driver.command("pause");
    driver.command("checkpoint");
    settle(driver);
    driver.settle("rlhf-s0", "unsaved");
    expect(hand(driver)).toBe("nothing");
    expect(driver.command("checkpoint")).toBe("no trial has trained since its last checkpoint");
  });

  test("a worker that is lost while paused is replaced on continue", () => {
    const driver = until(alone(), "step 2");
    driver.command("pause");
    driver.settle("rlhf-s0", "lost");
    expect(hand(driver)).toBe("nothing");
    driver.command("continue");
    expect(driver.inHand.get("rlhf-s0")).toMatchObject({ kind: "open", delay: 1 });
  });

  test("stopped while paused: it saves and leaves; nothing applies any more", () => {
    const driver = until(alone(), "step 2");
    driver.command("pause");
    settle(driver);
    expect(driver.command("stop")).toBeNull();
    expect(hand(driver)).toBe("checkpoint 3");
    for (const command of ["pause", "continue", "checkpoint", "evaluate"] as const) {
      expect(driver.command(command)).toBe("the run is stopping");
    }
    expect(driver.command("stop")).toBe("the run is already stopping");
    settle(driver);
    expect(hand(driver)).toBe("release 3");
    expect(driver.command("abort")).toBeNull();
    expect(driver.command("stop")).toBe("the run is already stopping");
    settle(driver);
    expect(driver.command("abort")).toBe("the run is ending");
    driver.finish();
    for (const command of runCommands) {
      expect(driver.command(command)).toBe("the run is interrupted");
    }
  });
});
