/** The engine under commands, with simulated workers: what is carried out, and that figures stay. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judgeHistories } from "../../src/analysis/reproduction.js";
import { plannedEvents, runHistory } from "../../src/analysis/run-history.js";
import { planTrials } from "../../src/config/trials.js";
import type { RunCommand } from "../../src/engine/commands.js";
import type { JournalEvent } from "../../src/journal/events.js";
import { smallExperiment } from "./experiments.js";
import { Harness } from "./run-harness.js";

/** Carries out each command as soon as the event of its number was shown. */
function commanding(commands: ReadonlyMap<number, RunCommand>): Harness {
  return new Harness(smallExperiment(), undefined, ({ seq }, harness) => {
    const command = commands.get(seq);
    // Not in the middle of an event, as a socket would not either.
    if (command !== undefined) queueMicrotask(() => harness.ask(command));
  });
}

/** Goes on with a run as soon as it rests. */
function patient(harness: Harness): () => void {
  const timer = setInterval(() => {
    if (harness.opened.every(({ inHand }) => inHand === 0)) harness.ask("continue");
  }, 1);
  return () => clearInterval(timer);
}

async function verdict(was: readonly JournalEvent[], is: readonly JournalEvent[]) {
  const trials = planTrials(smallExperiment());
  const ids = trials.map(({ id }) => id);
  const [a, b] = await Promise.all(
    [was, is].map((events) => runHistory(ids, plannedEvents(trials, events))),
  );
  return judgeHistories(a!, b!);
}

describe("a run that is steered", () => {
  test("has the figures of one that was left alone, to the bit", async () => {
    const alone = new Harness(smallExperiment());
    await alone.run();
    const times = fc.uniqueArray(
      fc.tuple(
        fc.integer({ min: 2, max: alone.events.length }),
        fc.constantFrom<RunCommand>("pause", "checkpoint", "evaluate", "evaluate"),
      ),
      { selector: ([seq]) => seq, minLength: 1, maxLength: 6 },
    );
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(times, async (commands) => {
        const harness = commanding(new Map(commands));
        const end = patient(harness);
        try {
          expect((await harness.run()).outcome).toBe("done");
        } finally {
          end();
        }
        asked += harness.events.filter(({ type }) => /_requested$|^paused$/.test(type)).length;
        expect(await verdict(alone.events, harness.events)).toMatchObject({ verdict: "bitwise" });
        const { arms, frontier, comparisons } = harness.recorder.evaluation!;
        const before = alone.recorder.evaluation!;
        expect({ frontier, comparisons }).toEqual({
          frontier: before.frontier,
          comparisons: before.comparisons,
        });
        expect(Object.keys(arms)).toEqual(Object.keys(before.arms));
        expect(harness.allClosed).toBe(true);
      }),
      { numRuns: 25 },
    );
    expect(asked).toBeGreaterThan(25);
  });

  test("pauses between steps: nothing is in hand, no time of it counts, and it goes on", async () => {
    const harness = commanding(new Map([[12, "pause"]]));
    let now = 0;
    harness.clock = () => now;
    const running = harness.run();
    await untilItRests(harness);
    const events = harness.events.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(harness.events.length).toBe(events);
    expect(harness.opened.some(({ inHand }) => inHand > 0)).toBe(false);
    now += 1000;
    expect(harness.ask("pause")).toBe("the run is already paused");
    expect(harness.ask("continue")).toBeNull();
    expect((await running).outcome).toBe("done");
    const next = harness.events.slice(events).filter(({ type }) => type === "step");
    expect(next.length).toBeGreaterThan(0);
    for (const event of next) expect(event.type === "step" && event.seconds.total).toBe(0);
    expect(harness.ask("pause")).toBeUndefined();
  });

  test("stops while it is paused, and is taken up unpaused", async () => {
    const harness = commanding(new Map([[14, "pause"]]));
    harness.keep = true;
    const running = harness.run();
    await untilItRests(harness);
    expect(harness.ask("stop")).toBeNull();
    expect((await running).outcome).toBe("interrupted");
    const resumed = new Harness(smallExperiment(), undefined, undefined, null, harness.recorder);
    expect((await resumed.run([...harness.events])).outcome).toBe("done");
    const alone = new Harness(smallExperiment());
    await alone.run();
    expect(await verdict(alone.events, resumed.events)).toMatchObject({ verdict: "bitwise" });
  });

  test("refuses what does not apply, and journals nothing of it", async () => {
    const harness = new Harness(smallExperiment());
    expect(harness.ask("pause")).toBeUndefined();
    const running = harness.run();
    expect(harness.ask("continue")).toBe("the run is not paused");
    expect(harness.ask("checkpoint")).toBe("no trial has trained since its last checkpoint");
    expect((await running).outcome).toBe("done");
    expect(harness.types(null)).toEqual(["run_started", "run_finished"]);
  });

  test("an evaluation that is asked for is in the journal, and in no frontier", async () => {
    const harness = new Harness(smallExperiment(), undefined, (event) => {
      const second = event.type === "evaluated" && event.step === 2 && event.trial === "rlhf-s0";
      if (second) queueMicrotask(() => harness.ask("evaluate"));
    });
    await harness.run();
    const steps = harness.events.flatMap((event) =>
      event.type === "evaluated" && event.trial === "rlhf-s0" && !event.final ? [event.step] : [],
    );
    expect(steps).toEqual([2, 3, 4, 6]);
    const { frontier } = harness.recorder.evaluation!;
    expect(frontier.rlhf!.map(({ step }) => step)).toEqual([0, 2, 4, 6]);
  });
});

async function untilItRests(harness: Harness): Promise<void> {
  while (!harness.rests) await new Promise((resolve) => setTimeout(resolve, 1));
}
