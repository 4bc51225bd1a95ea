import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyRun, type RunModel, type TrialModel } from "../../src/run-model/run-model.js";
import { takeEntries, takeProgress } from "../../src/run-model/take-entries.js";
import { endsInPlaces, runEta, trialEta } from "../../src/run-model/time-left.js";
import { begin, type Happened, journalOf, started, stepped } from "./journal.js";

const rl = (arm: string) =>
  ({ id: `${arm}-s0`, arm, seed: 0, stage: "rl", iterations: 60 }) as const;
const arms = [rl("rlhf"), rl("ra-rlhf"), rl("ra-rlhf-hard")];

function fold(happened: readonly Happened[], planned = arms, parallel = 1): RunModel {
  return { ...takeEntries(emptyRun(planned), journalOf(happened).entries), parallel };
}

function of(model: RunModel, id: string): TrialModel {
  return model.trials.find((trial) => trial.id === id)!;
}

const three = { seconds: { ...stepSeconds(), total: 3 } };
const underWay: readonly Happened[] = [...started(0, "rlhf-s0"), stepped(3, "rlhf-s0", 0, three)];

function stepSeconds() {
  return { rollout: 0, sample: 0, reference: 0, reward: 0, update: 0, texts: 0, controller: 0 };
}

describe("trialEta", () => {
  test("is the steps ahead at the trial's own pace, running down between steps", () => {
    const trial = of(fold([...underWay, stepped(6, "rlhf-s0", 1, three)]), "rlhf-s0");
    expect(trialEta(trial, begin + 6)).toBeCloseTo(58 * 3, 6);
    expect(trialEta(trial, begin + 8)).toBeCloseTo(58 * 3 - 2, 6);
    expect(trialEta(trial, begin + 100)).toBeCloseTo(57 * 3, 6);
  });

  test("is not known before the first step, nor of a trial that waits", () => {
    const model = fold(started(0, "rlhf-s0"));
    expect(trialEta(of(model, "rlhf-s0"), begin + 5)).toBeNull();
    expect(trialEta(of(model, "ra-rlhf-s0"), begin + 5)).toBeNull();
  });

  test("of SFT is that of the phase in hand", () => {
    const sft = {
      kind: "progress",
      trial: "sft-s0",
      phase: "sft",
      total: 60,
      unit: "steps",
      loss: null,
    } as const;
    const loaded = fold(started(0, "sft-s0", 0));
    const model = takeProgress(
      takeProgress(loaded, { ...sft, done: 0 }, begin + 2),
      { ...sft, done: 20 },
      begin + 12,
    );
    expect(trialEta(of(model, "sft-s0"), begin + 12)).toBeCloseTo(20, 6);
  });
});

describe("runEta", () => {
  test("adds up trials that wait, at the pace of those that run", () => {
    expect(runEta(fold(underWay), begin + 3)).toBeCloseTo(59 * 3 + 2 * 60 * 3, 6);
  });

  test("lays them side by side where there are places", () => {
    expect(runEta(fold(underWay, arms, 3), begin + 3)).toBeCloseTo(60 * 3, 6);
    // Two places: one frees up after 59 steps, the other after 60 and takes the last trial.
    expect(runEta(fold(underWay, arms, 2), begin + 3)).toBeCloseTo((59 + 60) * 3, 6);
  });

  test("counts loading and evaluation as seen in trials that are done", () => {
    const end: Happened = [13, "rlhf-s0", { type: "trial_finished", seconds: 13 }];
    const model = fold([...underWay, end], arms.slice(0, 2));
    expect(runEta(model, begin + 13)).toBeCloseTo(60 * 3 + 10, 6);
  });

  test("guesses a trial that is still loading by the others", () => {
    const model = fold([...underWay, ...started(3, "ra-rlhf-s0")], arms.slice(0, 2), 2);
    expect(runEta(model, begin + 5)).toBeCloseTo(60 * 3 - 2, 6);
  });

  test("is not known while nothing is known of a kind of trial, or while the run is paused", () => {
    expect(runEta(fold([]), begin)).toBeNull();
    expect(runEta(fold([...underWay, [4, null, { type: "paused" }]]), begin + 4)).toBeNull();
  });

  test("is 0 when all is over", () => {
    const end: Happened = [10, "rlhf-s0", { type: "trial_finished", seconds: 10 }];
    expect(runEta(fold([...underWay, end], arms.slice(0, 1)), begin + 10)).toBe(0);
  });
});

describe("endsInPlaces", () => {
  const job = (seconds: number, notBefore?: number) => ({ seconds, notBefore });

  test.each([
    ["one after the other", [job(8), job(4)], 1, [], [8, 12]],
    ["side by side", [job(8), job(4), job(3)], 2, [], [8, 4, 7]],
    ["behind what is in hand", [job(4), job(3)], 2, [10, 1], [10, 1, 5, 8]],
    ["no job before the one that it needs", [job(8), job(4, 0)], 2, [], [8, 12]],
  ] as const)("lays jobs out %s", (_, jobs, parallel, inHand, ends) => {
    expect(endsInPlaces(jobs, parallel, inHand)).toEqual(ends);
  });

  test("ends between the longest job and all of them in a row", () => {
    const seconds = fc.array(fc.double({ min: 0, max: 99, noNaN: true }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 1, max: 8 }), (each, parallel) => {
        const end = Math.max(
          ...endsInPlaces(
            each.map((one) => job(one)),
            parallel,
          ),
        );
        expect(end).toBeGreaterThanOrEqual(Math.max(...each) - 1e-9);
        expect(end).toBeLessThanOrEqual(each.reduce((sum, one) => sum + one, 0) + 1e-9);
      }),
    );
  });
});
