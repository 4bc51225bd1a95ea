/** Seconds of an iteration by phase, from a workload and a backend's rates. */
import { trainedParameters } from "./memory.js";
import { forwardOperations, type ModelShape, matrixParameters } from "./model-shape.js";
import { type LogitSeconds, type Rates, type SpeedPoint, speedAt } from "./speed.js";
import type { Workload } from "./workload.js";

export interface IterationTime {
  readonly sample: number;
  readonly reference: number;
  readonly reward: number;
  readonly update: number;
}

export interface Scaling {
  /** Processes that divide the batch. */
  readonly processes: number;
  /** Bytes per second between two of them; null: exchange is not counted. */
  readonly interconnect: number | null;
}

export const alone: Scaling = { processes: 1, interconnect: null };

/** @param kept episodes that learn */
export function iterationTime(
  work: Workload,
  { points, logit }: Rates,
  kept: number,
  { processes, interconnect }: Scaling = alone,
): IterationTime {
  const speed = speedAt(points, work.policy.width);
  const own = Math.ceil(work.batch / processes);
  return {
    sample: sampleSeconds(work, speed, logit, own),
    reference: forwardSeconds(work, speed, logit, own),
    reward: rewardSeconds(work, points, own),
    update: updateSeconds(work, speed, logit, kept, { processes, interconnect }),
  };
}

export function totalSeconds({ sample, reference, reward, update }: IterationTime): number {
  return sample + reference + reward + update;
}

/** Parameters that one token's pass goes through, the head among them. */
export function passParameters(shape: ModelShape): number {
  return shape.layers * matrixParameters(shape) + shape.vocabulary * shape.width;
}

/** Prompts are read once whatever the completions; then token by token, every row to the last. */
function sampleSeconds(
  work: Workload,
  speed: SpeedPoint,
  logit: LogitSeconds,
  rows: number,
): number {
  const { policy, promptTokens, newTokens, completions, samplingBatch } = work;
  const prompts = Math.ceil(rows / completions);
  const reading = forwardOperations(policy, {
    tokens: prompts * promptTokens,
    length: promptTokens,
    logits: 0,
  });
  const batches = Math.ceil(rows / samplingBatch);
  const perToken = speed.decode_weight * batches + speed.decode_row * rows;
  const drawing = newTokens * rows * policy.vocabulary * logit.decode;
  return reading / speed.forward + newTokens * passParameters(policy) * perToken + drawing;
}

/** A pass over prompts and completions, with logits at the completions. */
function operationsOf({ policy, promptTokens, newTokens }: Workload, episodes: number): number {
  const length = promptTokens + newTokens - 1;
  return forwardOperations(policy, {
    tokens: episodes * length,
    length,
    logits: episodes * newTokens,
  });
}

function logitsOf({ policy, newTokens }: Workload, episodes: number): number {
  return episodes * newTokens * policy.vocabulary;
}

function forwardSeconds(
  work: Workload,
  speed: SpeedPoint,
  logit: LogitSeconds,
  episodes: number,
): number {
  return operationsOf(work, episodes) / speed.forward + logit.forward * logitsOf(work, episodes);
}

/** Of scorers whose shape is known; others (functions, servers, word lists) are not counted. */
function rewardSeconds(work: Workload, points: readonly SpeedPoint[], episodes: number): number {
  const length = work.promptTokens + work.newTokens;
  return work.scorers.reduce((sum, { shape, isReward }) => {
    if (shape === null || !isReward) return sum;
    const operations = forwardOperations(shape, { tokens: episodes * length, length, logits: 0 });
    return sum + operations / speedAt(points, shape.width).forward;
  }, 0);
}

function updateSeconds(
  work: Workload,
  speed: SpeedPoint,
  logit: LogitSeconds,
  kept: number,
  { processes, interconnect }: Scaling,
): number {
  const { batch, minibatch, epochs, hasFixedSteps, hasCheckpointing, loraRank } = work;
  const trained = trainedParameters(work);
  const steps = epochs * Math.ceil((hasFixedSteps ? batch : kept) / minibatch);
  const own = Math.max(kept, hasFixedSteps ? Math.ceil(batch / minibatch) : 0) / processes;
  // A backward pass is two forward passes, one where the weights are frozen.
  const passes = (loraRank > 0 ? 2 : 3) + (hasCheckpointing ? 1 : 0);
  const learning =
    (passes * epochs * operationsOf(work, own)) / speed.training +
    epochs * logitsOf(work, own) * logit.training;
  // The exact KL reads the reference once per episode, and its head again in each epoch.
  const klPass = work.exactKl ? forwardSeconds(work, speed, logit, kept) : 0;
  const exchange =
    interconnect === null || processes === 1
      ? 0
      : (steps * 2 * (1 - 1 / processes) * 4 * trained) / interconnect;
  return learning + klPass + steps * speed.step * trained + exchange;
}
