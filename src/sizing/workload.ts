/** One arm's iteration in numbers: all that its memory and time follow from. */
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";
import { learningTerms } from "../risk/algorithms.js";
import { type Forecast, forecast } from "../risk/annealing/forecast.js";
import { riskMeasures, usesAlpha } from "../risk/measures/registry.js";
import { tailEpisodes } from "../risk/populations.js";
import { populationInForce } from "../risk/terms.js";
import type { ModelShape } from "./model-shape.js";

export interface Workload {
  readonly policy: ModelShape;
  /** Numbers in the weights of models that score: rewards and judges. */
  readonly scorers: readonly ScoringModel[];
  readonly loraRank: number;
  /** Whether the reference is a model of its own: with LoRA it is the policy without its adapter. */
  readonly ownReference: boolean;
  /** Bytes per number of frozen weights. */
  readonly frozenBytes: number;
  /** Bytes per number of activations in matrix products: 4, or 2 in half precision. */
  readonly computeBytes: number;
  readonly hasEma: boolean;
  readonly hasCheckpointing: boolean;
  readonly onGpu: boolean;
  /** Tokens of a prompt and of a completion: the longest. */
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly batch: number;
  readonly completions: number;
  /** Episodes sampled at once, per gradient step, and per forward pass of one. */
  readonly samplingBatch: number;
  readonly minibatch: number;
  readonly microbatch: number;
  readonly epochs: number;
  readonly iterations: number;
  /** Episodes that learn in the first iteration and in the last; the number of steps follows them. */
  readonly keptFirst: number;
  readonly keptLast: number;
  /** Mean over the iterations. */
  readonly keptMean: number;
  readonly hasFixedSteps: boolean;
  /** Whether a KL loss is computed over the whole vocabulary. */
  readonly exactKl: boolean;
}

export interface ScoringModel {
  readonly role: string;
  readonly parameters: number;
  readonly shape: ModelShape | null;
  /** Judges score evaluations only. */
  readonly isReward: boolean;
}

export interface WorkloadModels {
  readonly policy: ModelShape;
  readonly scorers: readonly ScoringModel[];
}

/** @param onGpu whether the device is one */
export function workloadOf(
  { policy, backend }: Pick<Experiment, "policy" | "backend">,
  { training, rollout, risk, kl }: ArmConfig,
  models: WorkloadModels,
  onGpu: boolean,
): Workload {
  const { batch, completions, minibatch, microbatch, epochs, iterations } = training;
  const half = backend.dtype !== "float32";
  const isLora = policy.lora_rank > 0;
  const terms = learningTerms({ training, kl });
  const kept = keptEpisodes(risk, training, terms.klForm === "loss");
  return {
    ...models,
    loraRank: policy.lora_rank,
    ownReference: !isLora,
    frozenBytes: backend.frozen_dtype === "bfloat16" ? 2 : 4,
    computeBytes: half ? 2 : 4,
    hasEma: training.ema_decay > 0,
    hasCheckpointing: policy.gradient_checkpointing,
    onGpu,
    promptTokens: rollout.prompt_tokens,
    newTokens: rollout.new_tokens,
    batch,
    completions,
    samplingBatch: Math.min(batch, rollout.minibatch || batch),
    minibatch: Math.min(batch, minibatch),
    microbatch: Math.min(batch, minibatch, microbatch || minibatch),
    epochs,
    iterations,
    ...kept,
    hasFixedSteps: training.steps === "fixed",
    exactKl: terms.klForm === "loss" && kl.loss === "exact",
  };
}

/** What the schedule keeps; every episode where a KL loss or the measure trains on all. */
function keptEpisodes(
  risk: ArmConfig["risk"],
  training: ArmConfig["training"],
  hasKlLoss: boolean,
): Pick<Workload, "keptFirst" | "keptLast" | "keptMean"> {
  const { batch, iterations } = training;
  const population = populationInForce(risk);
  const { episodes } = riskMeasures[risk.measure].trainsOn(risk, population);
  if (episodes === "all" || hasKlLoss || !usesAlpha(risk.measure) || iterations === 0) {
    return { keptFirst: batch, keptLast: batch, keptMean: batch };
  }
  const ahead = forecast(risk, iterations, (alpha) => tailEpisodes(alpha, population, training));
  return { keptFirst: ahead.first, keptLast: ahead.last, keptMean: meanKept(ahead, iterations) };
}

/** The course from the first fall to the last value is taken as straight. */
function meanKept({ first, last, fewerFrom, lastFrom }: Forecast, iterations: number): number {
  if (fewerFrom === null) return first;
  const falling = Math.max(0, lastFrom - fewerFrom);
  const sum =
    fewerFrom * first + (falling * (first + last)) / 2 + (iterations - fewerFrom - falling) * last;
  return sum / iterations;
}
