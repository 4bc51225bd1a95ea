import { describe, expect, test } from "vitest";
import type { Observation } from "../../src/experiment/observation.js";
import { runEta, trialEta } from "../../src/tui/eta.js";
import {
  afterObservation,
  type ProgressState,
  startProgress,
} from "../../src/tui/progress-state.js";
import { finished, planned, progress, started, step } from "./observations.js";

function fold(
  observations: readonly (readonly [number, Observation])[],
  trials = planned,
  parallel = 1,
): ProgressState {
  return observations.reduce(
    (state, [now, one]) => afterObservation(state, one, now),
    startProgress("quickstart", trials, parallel, 0),
  );
}

function of(state: ProgressState, id: string) {
  return state.trials.find((trial) => trial.id === id)!;
}

describe("trialEta", () => {
  test("is the steps ahead at the trial's own pace, running down between steps", () => {
    const state = fold([
      [0, started("rlhf-s0")],
      [3, step("rlhf-s0", 0)],
      [6, step("rlhf-s0", 1)],
    ]);
    expect(trialEta(of(state, "rlhf-s0"), 6)).toBeCloseTo(58 * 3, 10);
    expect(trialEta(of(state, "rlhf-s0"), 8)).toBeCloseTo(58 * 3 - 2, 10);
    expect(trialEta(of(state, "rlhf-s0"), 100)).toBeCloseTo(57 * 3, 10);
  });

  test("is not known before the first step, nor of a trial that waits", () => {
    const state = fold([[0, started("rlhf-s0")]]);
    expect(trialEta(of(state, "rlhf-s0"), 5)).toBeNull();
    expect(trialEta(of(state, "ra-rlhf-s0"), 5)).toBeNull();
  });

  test("of SFT is that of the phase in hand", () => {
    const state = fold([
      [0, started("sft-s0")],
      [2, progress("sft-s0", "sft", 0, 60)],
      [12, progress("sft-s0", "sft", 20, 60)],
    ]);
    expect(trialEta(of(state, "sft-s0"), 12)).toBeCloseTo(20, 10);
  });
});

describe("runEta", () => {
  const rlOnly = planned.filter(({ stage }) => stage === "rl");
  const underWay: [number, Observation][] = [
    [0, started("rlhf-s0")],
    [3, step("rlhf-s0", 0)],
  ];

  test("adds up trials that wait, at the pace of those that run", () => {
    expect(runEta(fold(underWay, rlOnly), 3)).toBeCloseTo(59 * 3 + 2 * 60 * 3, 10);
  });

  test("lays them side by side where there are places", () => {
    expect(runEta(fold(underWay, rlOnly, 3), 3)).toBeCloseTo(60 * 3, 10);
    // Two places: one frees up after 59 steps, the other after 60 and takes the last trial.
    expect(runEta(fold(underWay, rlOnly, 2), 3)).toBeCloseTo((59 + 60) * 3, 10);
  });

  test("counts loading and evaluation as seen in trials that are done", () => {
    const state = fold([...underWay, [13, finished("rlhf-s0")]], rlOnly.slice(0, 2));
    expect(runEta(state, 13)).toBeCloseTo(60 * 3 + 10, 10);
  });

  test("guesses a trial that is still loading by the others", () => {
    const state = fold([...underWay, [3, started("ra-rlhf-s0")]], rlOnly.slice(0, 2), 2);
    expect(runEta(state, 5)).toBeCloseTo(60 * 3 - 2, 10);
  });

  test("is not known while nothing is known of a kind of trial", () => {
    expect(runEta(fold([]), 0)).toBeNull();
    expect(runEta(fold([[0, started("sft-s0")]]), 3)).toBeNull();
  });

  test("is 0 when all is over", () => {
    const state = fold([...underWay, [10, finished("rlhf-s0")]], rlOnly.slice(0, 1));
    expect(runEta(state, 10)).toBe(0);
  });
});
