/**
 * What a risk measure is: its rule, and all that the rest of the program says and derives of it.
 *
 * A rule turns a batch of returns into one number per episode, the only thing that the worker ever
 * learns of risk. Weights scale the critic's advantages: weight 0 drops the episode and costs
 * nothing, and the positive ones have mean 1, so that the step size means the same under every
 * measure. Signed advantages take the critic's place.
 */
import {
  requireFinite,
  requireInteger,
  requireSameLength,
  requireSome,
} from "../../stats/checks.js";
import type { Random } from "../../stats/random.js";

/** Of episodes that count for more or fewer than themselves, so that a batch stands for the natural mix. */
export interface EpisodeImportance {
  /** Natural over sampled share of each episode's prompt, ≥ 0. */
  readonly weights: Float64Array;
  /** How much of each episode lies in the tail of the schedule's α', in [0, 1]. */
  readonly tail: Float64Array;
}

export interface RiskInput {
  /** What the episodes are ranked by, low is bad; one per episode. */
  readonly statistic: Float32Array | readonly number[];
  /** R̄, one per episode. */
  readonly returns: Float32Array | readonly number[];
  /** Episodes that the schedule keeps at this step, in [1, B]. */
  readonly kept: number;
  /** This step's own stream. */
  readonly random: Random;
  /** mean-cvar: weight of the CVaR part, in [0, 1]. */
  readonly mixture: number;
  /** entropic: in the returns' unit, > 0. */
  readonly temperature: number;
  /** Null or absent: every episode counts as one. */
  readonly importance?: EpisodeImportance | null;
}

export interface EpisodeWeights {
  /** One per episode, ≥ 0, mean 1 over the positive ones. */
  readonly weights: Float32Array;
  /** Number of positive weights, ≥ 1. */
  readonly kept: number;
}

/** `control`: as cheap as an averse measure, and blind to how bad an episode is. */
export type RiskRole = "averse" | "neutral" | "control";

/** The numbers of the `risk` section that say how averse a measure is. */
export interface RiskSettings {
  /** α in (0, 1]. */
  readonly alpha: number;
  readonly mixture: number;
  readonly temperature: number;
}

interface MeasureFacts {
  /**
   * Which ⌈α'B⌉ episodes it singles out: the `lowest` by the statistic, as many `drawn` at random.
   * `none`: one rule for the whole population; then α and its schedule play no part.
   */
  readonly singlesOut: "lowest" | "drawn" | "none";
  /**
   * Among which episodes an episode is bad: those of the `batch`, the completions of one `prompt`,
   * the reward `components` of the episode itself, or the batches of a `window` of iterations.
   */
  readonly population: "batch" | "prompt" | "components" | "window";
  readonly role: RiskRole;
  /** Its rule takes `importance` in; absent: it cannot be estimated from a batch drawn otherwise. */
  readonly takesImportance?: true;
  /** Settings that it reads besides α, its schedule and the statistic. */
  readonly ownSettings: readonly ("mixture" | "temperature")[];
  /** At these settings every episode counts alike at every iteration: it is the mean. */
  readonly isMean: (settings: RiskSettings) => boolean;
  /** Episodes that the update trains on; `at most`: some of them may count 0. */
  readonly trainsOn: (settings: RiskSettings) => {
    readonly episodes: "all" | "singled out";
    readonly bound: "exact" | "at most";
  };
  readonly words: {
    /** In tables and panels. */
    readonly label: string;
    /** One sentence, without its full stop, that begins with what it does to an episode. */
    readonly description: string;
    /** The rule as a formula. */
    readonly rule: string;
  };
}

export interface WeighingMeasure extends MeasureFacts {
  readonly answers: "weights";
  /** @throws {RangeError} when lengths differ, a value is not finite, or `kept` is out of range */
  readonly weigh: (input: RiskInput) => EpisodeWeights;
}

export interface AdvantageMeasure extends MeasureFacts {
  readonly answers: "advantages";
  /** One per episode, signed. @throws {RangeError} as `weigh` */
  readonly advantages: (input: RiskInput) => Float32Array;
}

export type RiskMeasure = WeighingMeasure | AdvantageMeasure;

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
