/**
 * Whether two runs whose figures differ could be two draws of one thing: for every trial the same
 * test prompts were completed and scored in both, and the mean difference of their rewards is held
 * against its spread.
 */
import { type PairedTTest, pairedTTest } from "../domain/paired-t-test.js";
import type { RunHistory } from "./run-history.js";

/** Chance of a false alarm over all trials together. */
const familyLevel = 0.05;

export interface EqualityTest {
  readonly name: string;
  /** Of one trial's test. */
  readonly level: number;
  readonly trials: readonly TrialTest[];
}

export interface TrialTest extends PairedTTest {
  readonly trial: string;
  /** p ≥ level. */
  readonly equal: boolean;
}

/**
 * @returns null where nothing can be tested: a final evaluation is missing or of other prompts, or
 *   has fewer than two pairs of rewards
 */
export function testEquality(was: RunHistory, is: RunHistory): EqualityTest | null {
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
      const test = pairedTTest(pair.is, pair.was, level);
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
  if (a.prompt.length !== b.prompt.length || a.prompt.some((id, i) => id !== b.prompt[i])) {
    return null;
  }
  const both = [...a.prompt.keys()].filter((i) => a.reward[i] !== null && b.reward[i] !== null);
  return { was: both.map((i) => a.reward[i]!), is: both.map((i) => b.reward[i]!) };
}
