/** The verdict on a run that was run again. Pure. */
import { type EqualityTest, testEquality } from "./equality-test.js";
import { differingLeaf, type FirstDifference, firstDifference } from "./first-difference.js";
import type { RunHistory } from "./run-history.js";

export interface Reproduction {
  /**
   * `bitwise`: every figure, every final metric and every model is the same · `statistically-equal`:
   * they differ, and the test finds no difference of final rewards · `diverged`.
   */
  readonly verdict: "bitwise" | "statistically-equal" | "diverged";
  /** Null if and only if it is bitwise. */
  readonly first_difference: FirstDifference | null;
  /** Null: not needed, or not possible. */
  readonly test: EqualityTest | null;
}

export function judgeHistories(was: RunHistory, is: RunHistory): Reproduction {
  const first_difference = firstDifference(was, is);
  if (first_difference === null) {
    return { verdict: "bitwise", first_difference, test: null };
  }
  const test = testEquality(was, is);
  const equal = test?.trials.every((trial) => trial.equal) ?? false;
  return { verdict: equal ? "statistically-equal" : "diverged", first_difference, test };
}

/** What a manifest keeps of a trial. */
export interface TrialResult {
  readonly metrics: Readonly<Record<string, number>> | null;
  readonly model: Readonly<Record<string, string>> | null;
}

/** Of manifests alone: there are no rewards that a test could pair. */
export function judgeResults(
  trials: readonly string[],
  was: Readonly<Record<string, TrialResult>>,
  is: Readonly<Record<string, TrialResult>>,
): Reproduction {
  for (const trial of trials) {
    for (const [event, key] of [
      ["final evaluation", "metrics"],
      ["model", "model"],
    ] as const) {
      const leaf = differingLeaf(was[trial]?.[key] ?? null, is[trial]?.[key] ?? null);
      if (leaf !== null) {
        const first_difference = { in: "manifest", trial, step: null, event, ...leaf } as const;
        return { verdict: "diverged", first_difference, test: null };
      }
    }
  }
  return { verdict: "bitwise", first_difference: null, test: null };
}
