/**
 * A backend's rates from timings of a few models, of many and of few episodes each. What grows with the
 * episodes is work on tokens; the rest is reading weights and stepping the optimizer. Two models that
 * differ in their vocabulary alone tell what a logit costs beyond its matrix product.
 */
import { forwardOperations, type ModelShape } from "./model-shape.js";
import type { BackendSpeed, LogitSeconds, SpeedPoint } from "./speed.js";
import { passParameters } from "./time.js";

/** Seconds of one rollout and of one gradient step on all of its episodes. */
export interface Timed {
  readonly episodes: number;
  readonly sample: number;
  readonly reference: number;
  readonly update: number;
}

export interface Timing {
  readonly shape: ModelShape;
  /** Tokens of every prompt and of every completion. */
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly many: Timed;
  readonly few: Timed;
}

/** One per model; models of one width differ in their vocabulary, and only one width has two. */
export function ratesOf(timings: readonly Timing[]): Pick<BackendSpeed, "points" | "logit"> {
  const pair = timings.flatMap((one) =>
    timings
      .filter(({ shape }) => shape.width === one.shape.width)
      .filter(({ shape }) => shape.vocabulary > one.shape.vocabulary)
      .map((other) => [one, other] as const),
  )[0];
  const logit = pair === undefined ? free : logitSeconds(...pair);
  const smallest = timings.filter(
    ({ shape: { width, vocabulary } }) =>
      !timings.some(({ shape }) => shape.width === width && shape.vocabulary < vocabulary),
  );
  const points = smallest
    .map((timing) => pointOf(timing, logit))
    .sort((one, other) => one.width - other.width);
  return { points, logit };
}

const free: LogitSeconds = { forward: 0, decode: 0, training: 0 };

/** seconds = operations/rate + logits·cost, twice, with one rate. */
function logitSeconds(small: Timing, large: Timing): LogitSeconds {
  const cost = (of: (timing: Timing) => Work) => {
    const [one, other] = [of(small), of(large)];
    const area = one.operations * other.logits - other.operations * one.logits;
    const found = (one.operations * other.seconds - other.operations * one.seconds) / area;
    return Math.max(0, found);
  };
  return { forward: cost(forwardWork), decode: cost(rowWork), training: cost(trainingWork) };
}

/** What takes so many seconds. */
interface Work {
  readonly seconds: number;
  readonly operations: number;
  readonly logits: number;
}

function passOf(
  { shape, promptTokens, newTokens }: Timing,
  episodes: number,
): Omit<Work, "seconds"> {
  const length = promptTokens + newTokens - 1;
  const tokens = { tokens: episodes * length, length, logits: episodes * newTokens };
  return {
    operations: forwardOperations(shape, tokens),
    logits: episodes * newTokens * shape.vocabulary,
  };
}

function forwardWork(timing: Timing): Work {
  return { seconds: timing.many.reference, ...passOf(timing, timing.many.episodes) };
}

/** Of the episodes that `many` has more than `few`: forward and backward. */
function trainingWork(timing: Timing): Work {
  const { many, few } = timing;
  const { operations, logits } = passOf(timing, many.episodes - few.episodes);
  return { seconds: many.update - few.update, operations: 3 * operations, logits };
}

/** Of the rows that `many` has more, prompts left out: parameters and logits by token and row. */
function rowWork(timing: Timing): Work {
  const { shape, newTokens, many, few } = timing;
  const rows = many.episodes - few.episodes;
  return {
    seconds: decoding(timing, many) - decoding(timing, few),
    operations: newTokens * rows * passParameters(shape),
    logits: newTokens * rows * shape.vocabulary,
  };
}

/** Seconds of sampling after the prompts were read, at the rate of the reference's pass. */
function decoding(timing: Timing, { sample, episodes }: Timed): number {
  const { shape, promptTokens } = timing;
  const { seconds, operations } = forwardWork(timing);
  const reading = { tokens: episodes * promptTokens, length: promptTokens, logits: 0 };
  return Math.max(sample / 10, sample - (seconds * forwardOperations(shape, reading)) / operations);
}

function pointOf(timing: Timing, logit: LogitSeconds): SpeedPoint {
  const { shape, newTokens, few } = timing;
  const rate = ({ seconds, operations, logits }: Work, perLogit: number) =>
    operations / Math.max(seconds / 10, seconds - perLogit * logits);
  const decode_row = 1 / rate(rowWork(timing), logit.decode);
  const passes = newTokens * passParameters(shape);
  const rows = few.episodes * (passes * decode_row + newTokens * shape.vocabulary * logit.decode);
  const training = rate(trainingWork(timing), logit.training);
  const { operations, logits } = passOf(timing, few.episodes);
  const learned = (3 * operations) / training + logits * logit.training;
  return {
    width: shape.width,
    forward: rate(forwardWork(timing), logit.forward),
    training,
    decode_weight: Math.max(0, decoding(timing, few) - rows) / passes,
    decode_row,
    step: Math.max(0, few.update - learned) / shape.parameters,
  };
}
