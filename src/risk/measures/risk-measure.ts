/**
 * What a risk measure is: its rule, and all that the rest of the program says and derives of it.
 *
 * A rule turns a batch into one number per episode, the only thing that the worker ever learns of
 * risk. `weights` ≥ 0 scale the algorithm's advantages: weight 0 drops the episode and costs nothing,
 * and the positive ones have mean 1, so that the step size means the same under every measure.
 * `advantages` are signed and take the place of the algorithm's. `rewards` take the place of the
 * trained reward; all else is risk-neutral, and the KL stays outside.
 */
import {
  requireFinite,
  requireInteger,
  requireSameLength,
  requireSome,
} from "../../stats/checks.js";
import { mapped } from "../../stats/mapped.js";
import type { Random } from "../../stats/random.js";
import type { MemoryPart } from "../memory.js";

type Values = Float32Array | readonly number[];

/** Of episodes that count for more or fewer than themselves, so that a batch stands for the natural mix. */
export interface EpisodeImportance {
  /** Natural over sampled share of each episode's prompt, ≥ 0. */
  readonly weights: Float64Array;
  /** How much of each episode lies in the tail of the schedule's α', in [0, 1]. */
  readonly tail: Float64Array;
}

export interface RiskInput {
  /** What the episodes are ranked by, low is bad; one per episode. */
  readonly statistic: Values;
  /** R̄, one per episode, the KL in it where the algorithm has it there. */
  readonly returns: Values;
  /** R, the trained reward without KL; one per episode. */
  readonly rewards: Values;
  /** What each reward component adds to R; one array per component. */
  readonly components: readonly Values[];
  /** Place in the batch of each episode's prompt; a prompt's completions are adjacent. */
  readonly prompt: Uint32Array | readonly number[];
  /** What the tail is taken over, as it is in force. */
  readonly population: Population;
  /** α' in force, in (0, 1]. */
  readonly alpha: number;
  /** ⌈α'B⌉: episodes of the tail, in [1, B]. */
  readonly kept: number;
  /** β in force, ≥ 0. */
  readonly beta: number;
  /** This step's own stream. */
  readonly random: Random;
  readonly settings: RiskSettings;
  /** What the measure returned at the step before; null: this is the first, or it carries nothing. */
  readonly memory: MemoryPart;
  /** Null or absent: every episode counts as one. */
  readonly importance?: EpisodeImportance | null;
}

/** What any rule may return beside its array. */
interface Carried {
  /** For the next step; absent: nothing. */
  readonly memory?: NonNullable<MemoryPart>;
  /** For people, by name: a threshold, a multiplier. Absent: none. */
  readonly figures?: Readonly<Record<string, number>>;
}

export interface EpisodeWeights extends Carried {
  /** One per episode, ≥ 0, mean 1 over the positive ones. */
  readonly weights: Float32Array;
  /** Number of positive weights, ≥ 1. */
  readonly kept: number;
}

export interface EpisodeAdvantages extends Carried {
  /** One per episode, signed; they are used as they are. */
  readonly advantages: Float32Array;
}

export interface EpisodeRewards extends Carried {
  /** One per episode, in place of R. */
  readonly rewards: Float32Array;
}

/** `control`: as cheap as an averse measure, and blind to how bad an episode is. */
export type RiskRole = "averse" | "neutral" | "control";

/**
 * Among which episodes an episode is bad: those of the `batch`, the completions of one `prompt`, the
 * reward `components` of the episode itself, or a `window`: batches of the past, by thresholds and
 * means that follow them.
 */
export type Population = "batch" | "prompt" | "components" | "window";

/** The distortions of `spectral` measures. */
export const distortionNames = ["wang", "power", "cpw"] as const;

/** The numbers of the `risk` section that say how averse a measure is. */
export interface RiskSettings {
  /** α in (0, 1]. */
  readonly alpha: number;
  /** Weight of the CVaR part, in [0, 1]. */
  readonly mixture: number;
  /** T > 0, in the returns' unit. */
  readonly temperature: number;
  readonly distortion: (typeof distortionNames)[number];
  /** Null: the distortion's own default. */
  readonly distortion_parameter: number | null;
  /** t, in the rewards' unit. */
  readonly threshold: "followed" | "solved" | number;
  /** η > 0: how fast thresholds, quantiles and means follow the batches. */
  readonly tracking_rate: number;
  /** p₁ < p₂, fractions. */
  readonly lower_level: number;
  readonly upper_level: number;
  /** ω ≥ 0. */
  readonly tail_weight: number;
  /** p in (0, 1]. */
  readonly quantile: number;
  /** Bound of the cost, in the component's trained unit. */
  readonly limit: number;
  /** κ ≥ 0. */
  readonly deviations: number;
  /** λ ≥ 0 at the start. */
  readonly multiplier: number;
  /** ≥ 0. */
  readonly multiplier_rate: number;
}

export type OwnSetting = Exclude<keyof RiskSettings, "alpha">;

interface MeasureFacts {
  readonly uses: {
    /** α and its annealing play a part. */
    readonly alpha: boolean;
    /** `risk.statistic`, which the episodes are ranked by, plays a part. */
    readonly statistic: boolean;
  };
  /** That it can be taken over, its own first. */
  readonly populations: readonly [Population, ...Population[]];
  /** Whether `risk.component` may name one, must, or plays no part. */
  readonly component: "optional" | "required" | "none";
  readonly role: RiskRole;
  /** Its rule takes `importance` in; absent: it cannot be estimated from a batch drawn otherwise. */
  readonly takesImportance?: true;
  /** Settings that it reads besides α, its annealing and the statistic. */
  readonly settings: readonly OwnSetting[];
  /** At these settings every episode counts alike at every iteration: it is the mean. */
  readonly isMean: (settings: RiskSettings) => boolean;
  /** Episodes that the update trains on; `at most`: some of them may count 0. */
  readonly trainsOn: (
    settings: RiskSettings,
    population: Population,
  ) => {
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
    /** What the expected update of a critic-free algorithm follows; test/risk/bandit.test.ts holds it to that. */
    readonly follows: string;
  };
}

/** Every rule throws a {RangeError} when lengths differ, a value is not finite, or `kept` is out of range. */
export interface WeighingMeasure extends MeasureFacts {
  readonly answers: "weights";
  readonly weigh: (input: RiskInput) => EpisodeWeights;
}

export interface AdvantageMeasure extends MeasureFacts {
  readonly answers: "advantages";
  readonly advantages: (input: RiskInput) => EpisodeAdvantages;
}

export interface RewardMeasure extends MeasureFacts {
  readonly answers: "rewards";
  readonly rewards: (input: RiskInput) => EpisodeRewards;
}

export type RiskMeasure = WeighingMeasure | AdvantageMeasure | RewardMeasure;

/** Refuses a batch that no measure can weigh. */
export function requireBatch(input: RiskInput): void {
  const { statistic, returns, rewards, components, prompt, kept, alpha } = input;
  requireSome(returns, "returns");
  requireSameLength(statistic, "statistic", returns, "returns");
  requireSameLength(rewards, "rewards", returns, "returns");
  requireSameLength(prompt, "prompt", returns, "returns");
  requireFinite(returns, "returns");
  requireFinite(statistic, "statistic");
  requireFinite(rewards, "rewards");
  for (const [place, own] of components.entries()) {
    requireSameLength(own, `components[${place}]`, returns, "returns");
    requireFinite(own, `components[${place}]`);
  }
  requireInteger(kept, "kept", 1, returns.length);
  if (!(alpha > 0 && alpha <= 1)) {
    throw new RangeError(`alpha is ${alpha}: a fraction in (0, 1] is needed`);
  }
}

/** Refuses a setting out of its range. */
export function requireSetting(sound: boolean, name: OwnSetting, value: unknown, range: string) {
  if (!sound) {
    throw new RangeError(`${name} is ${value}: ${range} is needed`);
  }
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
  let largest = 0;
  for (let episode = 0; episode < raw.length; episode += 1) {
    largest = Math.max(largest, raw[episode]!);
  }
  const weights = new Float32Array(mapped(raw, (weight) => weight / largest));
  let sum = 0;
  let kept = 0;
  for (let episode = 0; episode < weights.length; episode += 1) {
    sum += weights[episode]!;
    kept += weights[episode]! > 0 ? 1 : 0;
  }
  // sum ≤ kept, so that no weight vanishes here.
  return { weights: new Float32Array(mapped(weights, (weight) => (weight * kept) / sum)), kept };
}
