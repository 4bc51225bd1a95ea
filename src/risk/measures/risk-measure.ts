/**
 * A risk measure turns a batch of returns into one weight an episode: the only thing that the
 * worker ever learns of risk. Weight 0 drops the episode and costs nothing; the positive weights
 * have mean 1, so that the step size means the same under every measure.
 */
import {
  requireFinite,
  requireInteger,
  requireSameLength,
  requireSome,
} from "../../stats/checks.js";
import type { Random } from "../../stats/random.js";

export interface RiskInput {
  /** What the episodes are ranked by, low is bad; one an episode. */
  readonly statistic: Float32Array | readonly number[];
  /** R̄, one an episode. */
  readonly returns: Float32Array | readonly number[];
  /** Episodes that the schedule keeps at this step, in [1, B]. */
  readonly kept: number;
  /** α' in force at this step, in (0, 1]. */
  readonly alpha: number;
  /** This step's own stream. */
  readonly random: Random;
  /** mean-cvar: share of the CVaR part, in [0, 1]. */
  readonly mixture: number;
  /** entropic: in the returns' unit, > 0. */
  readonly temperature: number;
}

export interface EpisodeWeights {
  /** One an episode, ≥ 0, mean 1 over the positive ones. */
  readonly weights: Float32Array;
  /** Number of positive weights, ≥ 1. */
  readonly kept: number;
}

/** @throws {RangeError} when lengths differ, a value is not finite, or `kept` is out of range */
export type RiskMeasure = (input: RiskInput) => EpisodeWeights;

/** Refuses a batch that no measure can weigh. */
export function requireBatch({ statistic, returns, kept }: RiskInput): void {
  requireSome(returns, "returns");
  requireSameLength(statistic, "statistic", returns, "returns");
  requireFinite(returns, "returns");
  requireFinite(statistic, "statistic");
  requireInteger(kept, "kept", 1, returns.length);
}

/** Weight 1 for the named episodes, 0 for the others. */
export function equalWeights(batch: number, episodes: Uint32Array): EpisodeWeights {
  const weights = new Float32Array(batch);
  for (const episode of episodes) {
    weights[episode] = 1;
  }
  return { weights, kept: episodes.length };
}

/**
 * Scales raw weights ≥ 0, at least one of them positive, to mean 1 over the positive ones. A
 * weight that vanishes in single precision beside the largest is 0, and its episode dropped.
 */
export function normalised(raw: Float64Array): EpisodeWeights {
  const largest = raw.reduce((most, weight) => Math.max(most, weight), 0);
  const weights = Float32Array.from(raw, (weight) => weight / largest);
  let sum = 0;
  let kept = 0;
  for (const weight of weights) {
    sum += weight;
    kept += weight > 0 ? 1 : 0;
  }
  // sum ≤ kept, so that no weight vanishes here.
  return { weights: weights.map((weight) => (weight * kept) / sum), kept };
}
