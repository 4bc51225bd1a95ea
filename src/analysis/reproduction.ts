/** The verdict on a run that was run again. Pure. */
import { type PairedTest, pairedTest } from "../stats/paired-test.js";
import { pairedPlaces } from "./paired-rewards.js";
import type { Figures, RunHistory, TrialHistory } from "./run-history.js";

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

/*
 * Whether two runs whose figures differ could be two draws of one thing: for every trial the same
 * test prompts were completed and scored in both, and the mean difference of their rewards is held
 * against its spread.
 */

/** Chance of a false alarm over all trials together. */
const familyLevel = 0.05;

export interface EqualityTest {
  readonly name: string;
  /** Of one trial's test. */
  readonly level: number;
  readonly trials: readonly TrialTest[];
}

interface TrialTest extends PairedTest {
  readonly trial: string;
  /** p ≥ level. */
  readonly equal: boolean;
}

/**
 * @returns null where nothing can be tested: a final evaluation is missing or of other prompts, or
 *   has fewer than two pairs of rewards
 */
function testEquality(was: RunHistory, is: RunHistory): EqualityTest | null {
  const pairs: { trial: string; was: number[]; is: number[] }[] = [];
  for (const [trial, { final }] of was) {
    const other = is.get(trial)?.final ?? null;
    if (final === null && other === null) {
      continue;
    }
    const paired = final === null || other === null ? null : pairedRewards(final, other);
    if (paired === null || paired.was.length < 2) {
      return null;
    }
    pairs.push({ trial, ...paired });
  }
  if (pairs.length === 0) {
    return null;
  }
  const level = familyLevel / pairs.length;
  return {
    name: `paired t-test of final rewards over test prompts, two-sided, Bonferroni over ${pairs.length} trials at ${familyLevel}`,
    level,
    trials: pairs.map((pair) => {
      const test = pairedTest(pair.is, pair.was, level);
      return { trial: pair.trial, ...test, equal: test.p !== null && test.p >= level };
    }),
  };
}

interface FinalArrays {
  readonly prompt: readonly number[];
  readonly reward: readonly (number | null)[];
}

/** Pairs in which both rewards are there; null: the prompts are not the same. */
function pairedRewards(
  was: Readonly<Record<string, unknown>>,
  is: Readonly<Record<string, unknown>>,
): { was: number[]; is: number[] } | null {
  const a = was.arrays as FinalArrays;
  const b = is.arrays as FinalArrays;
  const both = pairedPlaces(a, b);
  return both === null
    ? null
    : { was: both.map((place) => a.reward[place]!), is: both.map((place) => b.reward[place]!) };
}

/** The first figure in which two runs of one configuration differ. Pure. */
export interface FirstDifference {
  /** Journal: the figures of a trial · manifest: the results that it keeps. */
  readonly in: "journal" | "manifest";
  readonly trial: string;
  /** m of a step, iterations done before an evaluation; null: neither. */
  readonly step: number | null;
  /** sft, step, evaluation, final evaluation, model. */
  readonly event: string;
  /** `episodes.reward.3`; empty: one of the runs lacks the event. */
  readonly field: string;
  /** Null also where it is missing. */
  readonly was: unknown;
  readonly is: unknown;
}

/**
 * Trial by trial in the order of `was`, which is that of the plan: a trial comes after the one
 * whose model it starts from. In a trial by what was done first.
 *
 * @returns null when all figures are the same
 */
export function firstDifference(was: RunHistory, is: RunHistory): FirstDifference | null {
  for (const [trial, before] of was) {
    const after = is.get(trial) ?? null;
    for (const { event, step, was: a, is: b } of moments(before, after)) {
      const place = { in: "journal", trial, step, event } as const;
      if (a === null || b === null) {
        if (a !== b) {
          return {
            ...place,
            field: "",
            was: a === null ? null : "there",
            is: b === null ? null : "there",
          };
        }
      } else {
        const found = differingLeaf(a, b);
        if (found !== null) {
          return { ...place, ...found };
        }
      }
    }
  }
  return null;
}

interface Moment {
  readonly event: string;
  readonly step: number | null;
  readonly was: Figures | null;
  readonly is: Figures | null;
}

function* moments(was: TrialHistory, is: TrialHistory | null): Generator<Moment> {
  yield { event: "sft", step: null, was: was.sft, is: is?.sft ?? null };
  for (const step of stepsOf(was, is)) {
    yield {
      event: "evaluation",
      step,
      was: was.frontier.get(step) ?? null,
      is: is?.frontier.get(step) ?? null,
    };
    yield {
      event: "step",
      step,
      was: was.steps.get(step) ?? null,
      is: is?.steps.get(step) ?? null,
    };
  }
  yield { event: "final evaluation", step: null, was: was.final, is: is?.final ?? null };
  yield { event: "model", step: null, was: was.model, is: is?.model ?? null };
}

function stepsOf(was: TrialHistory, is: TrialHistory | null): number[] {
  const all = [was, is].flatMap((one) =>
    one === null ? [] : [...one.steps.keys(), ...one.frontier.keys()],
  );
  return [...new Set(all)].sort((a, b) => a - b);
}

export interface Leaf {
  readonly field: string;
  readonly was: unknown;
  readonly is: unknown;
}

/** The first value, depth first and in the order of keys, that differs; null: none does. */
export function differingLeaf(was: unknown, is: unknown, path = ""): Leaf | null {
  if (isTree(was) && isTree(is) && Array.isArray(was) === Array.isArray(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      const found = differingLeaf(was[key], is[key], path === "" ? key : `${path}.${key}`);
      if (found !== null) {
        return found;
      }
    }
    return null;
  }
  return Object.is(was, is) ? null : { field: path, was: was ?? null, is: is ?? null };
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
