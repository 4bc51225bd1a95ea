/** Seconds of an iteration by phase, from a workload and a backend's rates. */
import { type Division, trainedParameters, undivided } from "./memory.js";
import { forwardOperations, type ModelShape, matrixParameters } from "./model-shape.js";
import { type LogitSeconds, type Rates, type SpeedPoint, speedAt } from "./speed.js";
import type { Workload } from "./workload.js";

export interface IterationTime {
  readonly sample: number;
  readonly reference: number;
  readonly reward: number;
  readonly update: number;
}

export interface Scaling extends Division {
  /** Bytes per second between two of them; null: exchange is not counted. */
  readonly interconnect: number | null;
}

export const alone: Scaling = { ...undivided, interconnect: null };

/** @param kept episodes that learn */
export function iterationTime(
  work: Workload,
  { points, logit }: Rates,
  kept: number,
  scaling: Scaling = alone,
): IterationTime {
  const { isSharded, processes } = scaling;
  const speed = speedAt(points, work.policy.width);
  const own = Math.ceil(work.batch / processes);
  // Divided weights are put together once before all of it.
  const gathering = isSharded ? exchangeSeconds(work.policy.parameters, scaling) : 0;
  return {
    sample: gathering + sampleSeconds(work, speed, logit, own),
    reference: gathering + forwardSeconds(work, speed, logit, own),
    reward: rewardSeconds(work, points, own),
    update: updateSeconds(work, speed, logit, kept, scaling),
  };
}

/** Every process gets, or hands on, what the others have of so many numbers. */
function exchangeSeconds(numbers: number, { processes, interconnect }: Scaling): number {
  return interconnect === null ? 0 : ((1 - 1 / processes) * 4 * numbers) / interconnect;
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
  scaling: Scaling,
): number {
  const { processes, isSharded } = scaling;
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
  // Gradients are added up and handed out; divided weights are also put together for both passes.
  const exchange = isSharded
    ? exchangeSeconds(2 * work.policy.parameters + trained, scaling)
    : 2 * exchangeSeconds(trained, scaling);
  const stepped = isSharded ? trained / processes : trained;
  return learning + klPass + steps * (speed.step * stepped + exchange);
}
