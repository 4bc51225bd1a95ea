/**
 * The simulated worker's world: an episode is one number, the action a ~ N(policy, τ). A prompt of
 * hardness h pays 0.6·score + 1 − (a − 2h)²/4 + noise: one policy cannot suit all, so whoever
 * listens to the hard prompts serves them better and the easy ones worse. Scores are Pareto-tailed
 * and the noise is Student's t with three degrees of freedom: tails that CVaR is made for.
 */
import type { Payload } from "../../../src/protocol/messages.js";
import { generator, type Random } from "../../../src/stats/random.js";

export interface Prompts {
  readonly ids: Uint32Array;
  readonly scores: Float64Array;
  /** In [0, 1). */
  readonly hardness: Float64Array;
}

/** Mean action. */
export type Policy = number;

/** Before any training: wrong for every prompt. */
export const UNTRAINED: Policy = -1;

export interface Episodes {
  /** Of each action from the policy, over τ²: the gradient of its log-probability. */
  readonly deviation: Float64Array;
  readonly reward: Float64Array;
  readonly judge: Float64Array;
  /** Nats. */
  readonly kl: Float64Array;
  /** Tokens. */
  readonly length: Uint32Array;
}

/** `count` prompts with ids from `firstId` on, a function of the seed alone. */
export function makePrompts(seed: number, firstId: number, count: number): Prompts {
  const random = generator(seed);
  const scores = Float64Array.from({ length: count }, () => {
    const pareto = (1 - random()) ** (-1 / 2.2) - 1;
    return 0.9 + 0.7 * gaussian(random) - 0.8 * pareto;
  });
  return {
    ids: Uint32Array.from({ length: count }, (_, i) => firstId + i),
    scores,
    hardness: scores.map((score) => Math.tanh(Math.max(0, 1 - score) / 3)),
  };
}

export interface Sampling {
  readonly policy: Policy;
  /** The frozen policy that KL is measured against. */
  readonly reference: Policy;
  /** τ, standard deviation of an action. */
  readonly temperature: number;
  readonly minTokens: number;
  readonly maxTokens: number;
}

/** One episode for each position in `prompts`; draws the same numbers whatever the policy. */
export function sampleEpisodes(
  prompts: Prompts,
  positions: ArrayLike<number>,
  seed: number,
  { policy, reference, temperature, minTokens, maxTokens }: Sampling,
): Episodes {
  const random = generator(seed);
  const n = positions.length;
  const episodes: Episodes = {
    deviation: new Float64Array(n),
    reward: new Float64Array(n),
    judge: new Float64Array(n),
    kl: new Float64Array(n),
    length: new Uint32Array(n),
  };
  const variance = temperature ** 2;
  for (let i = 0; i < n; i++) {
    const score = prompts.scores[positions[i]!]!;
    const hard = prompts.hardness[positions[i]!]!;
    const step = temperature * gaussian(random);
    const action = policy + step;
    episodes.deviation[i] = step / variance;
    const gain = 1 - (action - 2 * hard) ** 2 / 4;
    episodes.reward[i] = 0.6 * score + gain + 0.3 * (1 + hard) * studentT3(random);
    episodes.judge[i] = 0.5 * score + 0.8 * gain;
    episodes.kl[i] = ((action - reference) ** 2 - step ** 2) / (2 * variance);
    episodes.length[i] = minTokens + Math.floor(random() * (maxTokens - minTokens + 1));
  }
  return episodes;
}

/** Some of the episodes, in this order. */
export function taken(episodes: Episodes, chosen: readonly number[]): Episodes {
  const of = (values: Float64Array) => Float64Array.from(chosen, (i) => values[i]!);
  return {
    deviation: of(episodes.deviation),
    reward: of(episodes.reward),
    judge: of(episodes.judge),
    kl: of(episodes.kl),
    length: Uint32Array.from(chosen, (i) => episodes.length[i]!),
  };
}

/** Largest change of the policy in one update: keeps any learning rate stable. */
const MAX_STEP = 0.5;

/**
 * One policy-gradient step over the episodes with weight; only ratios of weights matter.
 *
 * @param returns - What counts, one per episode.
 * @param population - Weights of the episodes whose mean and deviation whiten the returns.
 * @param rate - Length of the step along the gradient.
 */
export function learned(
  policy: Policy,
  { deviation }: Episodes,
  returns: ArrayLike<number>,
  weights: ArrayLike<number>,
  population: ArrayLike<number>,
  rate: number,
): { readonly policy: Policy; readonly gradientNorm: number; readonly spread: number } {
  let count = 0;
  let mean = 0;
  let square = 0;
  let total = 0;
  for (let i = 0; i < deviation.length; i++) {
    count += population[i]!;
    mean += population[i]! * returns[i]!;
    square += population[i]! * returns[i]! ** 2;
    total += weights[i]!;
  }
  mean /= count;
  const spread = Math.sqrt(Math.max(square / count - mean ** 2, 0)) + 1e-8;
  let gradient = 0;
  for (let i = 0; i < deviation.length; i++) {
    gradient += ((weights[i]! / total) * (returns[i]! - mean) * deviation[i]!) / spread;
  }
  const step = Math.max(-MAX_STEP, Math.min(MAX_STEP, rate * gradient));
  return { policy: policy + step, gradientNorm: Math.abs(gradient), spread };
}

/** Box–Muller; 1 − u keeps the logarithm finite. */
function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** z / √(χ²₃/3). */
function studentT3(random: Random): number {
  const chi = gaussian(random) ** 2 + gaussian(random) ** 2 + gaussian(random) ** 2;
  return gaussian(random) / Math.sqrt(chi / 3 + 1e-12);
}

/** A step of this length along a gradient, bounded as `learned` bounds it. */
export function pushed(
  policy: Policy,
  gradient: number,
  rate: number,
): { readonly policy: Policy; readonly gradientNorm: number } {
  const step = Math.max(-MAX_STEP, Math.min(MAX_STEP, rate * gradient));
  return { policy: policy + step, gradientNorm: Math.abs(gradient) };
}

/**
 * KL(π‖π_ref) at one action and its derivative by the mean action: `exact`, `k3`, or `k3-corrected`
 * at the policy that sampled.
 */
export function klLoss(
  form: "exact" | "k3" | "k3-corrected",
  action: number,
  { policy, reference, temperature }: Pick<Sampling, "policy" | "reference" | "temperature">,
): { readonly kl: number; readonly slope: number } {
  const variance = temperature ** 2;
  if (form === "exact") {
    const apart = policy - reference;
    return { kl: apart ** 2 / (2 * variance), slope: apart / variance };
  }
  const d = ((action - reference) ** 2 - (action - policy) ** 2) / (2 * variance);
  const pull = form === "k3" ? 1 - Math.exp(-d) : d;
  return { kl: Math.exp(-d) - 1 + d, slope: (pull * (action - policy)) / variance };
}

/** Raw rewards of so many components: the world's own, and weaker second opinions. */
export function componentRewards({ reward, judge }: Episodes, count: number): Float64Array[] {
  return Array.from({ length: count }, (_, i) =>
    i === 0 ? reward : judge.map((score) => score / i),
  );
}

/** What the components say of the prompts alone. */
export function scoresOf(
  { scores }: Prompts,
  positions: ArrayLike<number>,
  count: number,
): Float64Array[] {
  return Array.from({ length: count }, (_, i) =>
    Float64Array.from(positions, (position) => Math.fround(scores[position]! / (i + 1))),
  );
}

type Rewards = Payload<"load">["rewards"];

/** Σ over components of weight · value. */
export function combined(components: readonly Float64Array[], rewards: Rewards): Float64Array {
  return components[0]!.map((_, episode) =>
    rewards.reduce((total, { weight }, i) => total + weight * components[i]![episode]!, 0),
  );
}

/** weight · transformed reward by component, the prompt's taken off where it is to be. */
export function contributions(
  components: readonly Float64Array[],
  scores: readonly Float64Array[],
  rewards: Rewards,
): Float64Array[] {
  return components.map((values, i) => {
    const { transform, scale, baseline, weight } = rewards[i]!;
    const shape = (x: number) =>
      transform === "clip"
        ? Math.max(-scale, Math.min(scale, x))
        : transform === "log-sigmoid"
          ? -scale * Math.log1p(Math.exp(-x))
          : x;
    return values.map(
      (x, at) => weight * (shape(x) - (baseline === "prompt" ? shape(scores[i]![at]!) : 0)),
    );
  });
}
