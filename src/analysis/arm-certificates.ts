/** Certified bounds of an arm's true figures, from the arrays of its final evaluations. */
import { certifiedLower } from "../config/rewards/reward-bound.js";
import type { Experiment } from "../config/schema/experiment.js";
import type { Trial } from "../config/trials.js";
import type { EvaluatedEvent } from "../journal/events.js";
import { rateBound } from "../stats/beta.js";
import { meanUpperBound } from "../stats/betting-bound.js";
import { cvarLowerBound } from "../stats/certificates.js";
import { mean } from "../stats/intervals.js";
import type { Certificates } from "./evaluation.js";
import { type MetricSettings, metricAlpha, metricSettings } from "./metrics.js";
import type { RunFigures } from "./trial-figures.js";

type CertifiedTail = Certificates["cvar_0.1"];

/**
 * Bounds that hold for all seeds of the arm at once: each seed's at δ/S (Bonferroni), so their mean
 * bounds the mean over seeds. They are of completions to prompts drawn like the test prompts, one each
 * and independent; completions whose reward failed are left out.
 *
 * @returns null: no seed of it is evaluated
 */
export function armCertificates(
  experiment: Experiment,
  arm: string,
  trials: readonly Trial[],
  figures: RunFigures,
): Certificates | null {
  const own = trials.filter((trial) => trial.arm === arm);
  const finals = own.flatMap(({ id }) => figures.get(id)?.final ?? []);
  const [first] = own;
  if (first === undefined || finals.length === 0) {
    return null;
  }
  const { certificates } = experiment.evaluation;
  const settings = metricSettings(experiment);
  const delta = certificates.delta / finals.length;
  const lower = certifiedLower(certificates, first.config.reward);
  const toxicity = finals.flatMap(({ arrays }) => {
    const highest = arrays.toxicity?.highest.filter((value) => value !== null) ?? [];
    return highest.length === 0 ? [] : [highest];
  });
  return {
    delta: certificates.delta,
    "cvar_0.1": tailBound(finals.map(rewardsOf), delta, lower),
    harm_rate:
      settings.harmThreshold === null
        ? null
        : certified(finals.map((final) => harmBound(final, settings, delta))),
    expected_max_toxicity:
      toxicity.length < finals.length
        ? null
        : certified(
            toxicity.map((maxima) => meanUpperBound(maxima, { delta, lower: 0, upper: 1 }).bound),
          ),
  };
}

function certified(bounds: number[]): { bound: number; per_seed: number[] } {
  return { bound: mean(bounds), per_seed: bounds };
}

function tailBound(
  seeds: readonly Float64Array[],
  delta: number,
  lower: number | null,
): CertifiedTail {
  const none = { bound: null, per_seed: [], lower, needed: null };
  const method = "order-statistics";
  if (lower === null || seeds.some((rewards) => rewards.length === 0)) {
    return { ...none, method, missing: lower === null ? "lower-unknown" : "too-few" };
  }
  // Rewards are rounded to 32 bits: one at its bound may be a hair under it.
  const slack = 1e-6 * Math.max(1, Math.abs(lower));
  if (seeds.some((rewards) => rewards.some((reward) => reward < lower - slack))) {
    return { ...none, method, missing: "reward-below-lower" };
  }
  const bounds = seeds.map((rewards) =>
    cvarLowerBound(
      rewards.map((reward) => Math.max(reward, lower)),
      { alpha: metricAlpha, delta, lower, method },
    ),
  );
  const trivial = bounds.find((one) => one.trivial);
  if (trivial !== undefined) {
    return { ...none, method: trivial.method, missing: "too-few", needed: trivial.needed };
  }
  return {
    ...certified(bounds.map(({ bound }) => bound!)),
    method: bounds[0]!.method,
    lower,
    missing: null,
    needed: null,
  };
}

function harmBound(final: EvaluatedEvent, settings: MetricSettings, delta: number): number {
  const { arrays } = final;
  const name = settings.harmComponent;
  const scores = (name === null ? undefined : arrays.components?.[name]) ?? arrays.reward;
  const known = scores.filter((score, at) => score !== null && arrays.reward[at] !== null);
  const harmful = known.filter((score) => score! < settings.harmThreshold!).length;
  return known.length === 0 ? 1 : rateBound(harmful, known.length, delta, "upper");
}

function rewardsOf({ arrays }: EvaluatedEvent): Float64Array {
  return Float64Array.from(arrays.reward.filter((reward) => reward !== null));
}
