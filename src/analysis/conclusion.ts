/**
 * What a run's figures show, as figures: what training did to the tail, whether risk-averse training
 * did better than risk-neutral, and what keeps a reader from believing too much of either. Which arm
 * it is about was fixed before the run; report/conclusion-words.ts says it in sentences.
 */
import type { Experiment } from "../config/schema/experiment.js";
import type { Trial } from "../config/trials.js";
import { holm } from "../stats/holm.js";
import { riskRole } from "./arm-risk.js";
import { cautions } from "./cautions.js";
import { scaleDifferences, scaleOf } from "./comparability.js";
import type { Comparison, Conclusion, Evaluation } from "./evaluation.js";
import type { RunFigures } from "./trial-figures.js";

/** With fewer no difference between risk-averse and risk-neutral training is shown. */
export const seedsToDecide = 3;
/** A difference is shown where its p-value, corrected for how many were tested, is under it. */
export const decisionLevel = 0.05;

type Found = Omit<Evaluation, "conclusion">;

export function conclusion(
  experiment: Experiment,
  trials: readonly Trial[],
  figures: RunFigures,
  found: Found,
): Conclusion {
  const headline = headlineOf(experiment);
  const { arms } = found;
  const stageOf = (arm: string): string | undefined => experiment.arms[arm]?.stage;
  const finished = Object.keys(arms);
  const start =
    finished.find((arm) => stageOf(arm) === "sft") ??
    finished.find((arm) => stageOf(arm) === "base") ??
    null;
  const of = (arm: string | null): Conclusion["start"] =>
    arm === null || arms[arm] === undefined
      ? null
      : {
          arm,
          harm_rate: arms[arm].metrics.harm_rate?.mean ?? null,
          tail_reward: arms[arm].metrics.tail_reward?.mean ?? null,
        };
  const against_neutral = againstNeutral(experiment, headline.arm, found);
  return {
    headline,
    start: of(start),
    end: of(headline.arm),
    against_neutral,
    not_comparable: incomparable(experiment, finished),
    cautions: cautions(experiment, trials, figures, { headline, against_neutral }),
  };
}

/**
 * `evaluation.headline`; else the first risk-averse arm, and without one the first RL arm, in the
 * order in which the configuration lists them.
 */
function headlineOf(experiment: Experiment): Conclusion["headline"] {
  const trained = Object.entries(experiment.arms).filter(([, arm]) => arm.stage === "rl");
  const averse = trained.filter(([, arm]) => riskRole(arm) === "averse");
  const candidates = (averse.length > 0 ? averse : trained).map(([name]) => name);
  const { headline } = experiment.evaluation;
  return headline === null
    ? {
        arm: candidates[0] ?? null,
        rule: averse.length > 0 ? "first-averse" : "first-trained",
        candidates,
      }
    : { arm: headline, rule: "configured", candidates: [...new Set([headline, ...candidates])] };
}

/** The tail reward of the headline arm minus that of every risk-neutral one, controls left out. */
function againstNeutral(
  experiment: Experiment,
  arm: string | null,
  { arms, comparisons }: Found,
): Conclusion["against_neutral"] {
  const roleOf = (name: string) => {
    const config = experiment.arms[name];
    return config === undefined ? null : riskRole(config);
  };
  const neutral = Object.keys(arms).filter((name) => roleOf(name) === "neutral");
  const none = { seeds_needed: seedsToDecide, at: null, differences: [] };
  if (arm === null || roleOf(arm) !== "averse" || arms[arm] === undefined) {
    return { ...none, seeds: 0, missing: "averse" };
  }
  if (neutral.length === 0) {
    return { ...none, seeds: 0, missing: "neutral" };
  }
  const rows = comparisons.filter(
    ({ a, b, metric }) => a === arm && neutral.includes(b) && metric === "tail_reward",
  );
  const atKl = rows.filter(({ at, difference }) => at === "equal-kl" && difference !== null);
  const matched = atKl.length > 0 && new Set(rows.map(({ b }) => b)).size === atKl.length;
  const used = matched ? atKl : rows.filter(({ at }) => at === "equal-iterations");
  const seeds = used.length === 0 ? 0 : Math.min(...used.map((row) => row.seeds));
  return {
    seeds,
    seeds_needed: seedsToDecide,
    at: used.length === 0 ? null : matched ? "equal-kl" : "equal-iterations",
    missing: used.length === 0 ? "pairs" : null,
    differences: seeds < seedsToDecide ? [] : decided(used),
  };
}

/**
 * Differences are decided at level 0.05 over all of them together (Holm). They are a family of their
 * own: which they are, one metric of one arm against each risk-neutral one, was fixed before the run.
 */
function decided(rows: readonly Comparison[]): Conclusion["against_neutral"]["differences"] {
  const corrected = holm(rows.map(({ p }) => p));
  return rows.map(({ b, difference, ci95, p, power }, index) => {
    const p_holm = corrected[index]!;
    const shown = p_holm !== null && p_holm < decisionLevel;
    return {
      against: b,
      difference: difference!,
      ci95: ci95!,
      p,
      p_holm,
      power,
      verdict: !shown ? "undecided" : difference! > 0 ? "better" : "worse",
    };
  });
}

/** Pairs of RL arms whose figures are on different scales. */
function incomparable(
  experiment: Experiment,
  finished: readonly string[],
): Conclusion["not_comparable"] {
  const trained = finished.filter((name) => experiment.arms[name]?.stage === "rl");
  return trained.flatMap((a, place) =>
    trained.slice(place + 1).flatMap((b) => {
      const differ = scaleDifferences(scaleOf(experiment, a), scaleOf(experiment, b));
      return differ.length === 0 ? [] : [{ a, b, keys: differ.map(({ key }) => key) }];
    }),
  );
}
