/** Workers that go from trial to trial. */
import { describe, expect, test } from "vitest";
import { WorkerLost } from "../../../src/worker/contract.js";
import { smallExperiment } from "../experiments.js";
import { figuresOf, Harness, type Trick } from "../run-harness.js";

const arms = { sft: {}, "a-1": { kl: { beta: 0.1 } }, "a-2": { kl: { beta: 0.2 } }, "a-3": {} };
const experiment = smallExperiment({ arms, seeds: [0, 1], parallel: 1 });

function reusing(trick?: Trick, own = experiment): Harness {
  const harness = new Harness(own, trick);
  harness.reuse = true;
  return harness;
}

describe("a worker that an earlier trial gave back", () => {
  test("gives the figures of one of the trial's own, to the bit", async () => {
    const [shared, apart] = [reusing(), new Harness(experiment)];
    expect((await shared.run()).outcome).toBe("done");
    expect((await apart.run()).outcome).toBe("done");
    expect(shared.opened).toHaveLength(1);
    expect(apart.opened).toHaveLength(8);
    for (const trial of new Set(apart.events.flatMap((event) => event.trial ?? []))) {
      expect(figuresOf(shared.events, trial)).toEqual(figuresOf(apart.events, trial));
    }
    expect(shared.allClosed).toBe(true);
    expect(shared.spare).toEqual([]);
  });

  test("costs the trial that loses it alone: another is opened, and goes on to the next", async () => {
    const trick: Trick = ({ trial, command, nth }) =>
      trial === "a-2-s0" && command === "update" && nth > 6 && nth < 12
        ? Promise.reject(new WorkerLost("it was killed", "exited", []))
        : null;
    const harness = reusing(trick);
    expect((await harness.run()).outcome).toBe("done");
    const lost = harness.events.filter(({ type }) => type === "worker_lost");
    expect(lost.map(({ trial }) => trial)).toEqual(["a-2-s0"]);
    expect(harness.opened).toHaveLength(2);
    expect(harness.allClosed).toBe(true);
    const apart = new Harness(experiment);
    await apart.run();
    expect(figuresOf(harness.events, "a-3-s0")).toEqual(figuresOf(apart.events, "a-3-s0"));
  });

  test("is closed as soon as no trial waits for one", async () => {
    const own = smallExperiment({ arms, parallel: 2 });
    let openAtTheLast = 0;
    const counting = new Harness(own, undefined, ({ type, trial }, { opened }) => {
      if (type === "step" && trial === "a-3-s0") {
        openAtTheLast = Math.max(openAtTheLast, opened.filter(({ closed }) => !closed).length);
      }
    });
    counting.reuse = true;
    await counting.run();
    expect(openAtTheLast).toBeLessThanOrEqual(2);
    expect(counting.allClosed).toBe(true);
  });

  test("serves one trial alone where a Python function scores, which may keep what it likes", async () => {
    const own = smallExperiment({
      arms,
      parallel: 1,
      reward: { kind: "python", function: "mine.py:score" },
      evaluation: { harm_threshold: 0 },
    });
    const harness = reusing(undefined, own);
    expect((await harness.run()).outcome).toBe("done");
    expect(harness.opened).toHaveLength(4);
  });

  test("that stops with the run is not left behind", async () => {
    const harness = new Harness(experiment, undefined, ({ type, trial }, own) => {
      if (type === "trial_finished" && trial === "a-1-s0") own.ask("abort");
    });
    harness.reuse = true;
    expect((await harness.run()).outcome).toBe("interrupted");
    expect(harness.allClosed).toBe(true);
  });
});
