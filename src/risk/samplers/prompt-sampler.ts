/**
 * Which prompts per iteration samples: a pure function of the step, so that a resumed run draws
 * what the unbroken one would have drawn, and arms with the same seed and strategy see the same
 * prompts (common random numbers).
 *
 * `uniform` walks through a fresh permutation of all prompts every epoch. `stratified` draws a
 * fixed fraction of every batch from the prompts with the worst scores: the fixed-strata form of
 * the hard-case sampling in Greenberg et al., NeurIPS 2022. It changes what the mean is taken
 * over; no importance weights undo it.
 */
import { requireInteger, requireSameLength } from "../../stats/checks.js";
import { generator, shuffled, streamSeed } from "../../stats/random.js";
import { worst } from "../selection.js";
import { tailCount } from "../tail.js";

export interface PromptDraw {
  /** Prompt ids of the train set. */
  readonly ids: Uint32Array;
  /** The reward model's score of each prompt alone, low is hard. Only `stratified` reads them. */
  readonly scores: Float32Array;
  /** B ≥ 1. */
  readonly batch: number;
  /** m ≥ 0. */
  readonly step: number;
  /** The trial's root seed. */
  readonly seed: number;
  readonly strategy: "uniform" | "stratified";
  /** Fraction of each batch drawn from the hard stratum, in [0, 1]. */
  readonly batchFraction: number;
  /** The hard stratum is this worst fraction of the prompts, in (0, 1). */
  readonly hardFraction: number;
}

export interface DrawnPrompts {
  /** B prompt ids, in the batch's order. */
  readonly prompts: Uint32Array;
  /** Which of them came from the hard stratum, 1 or 0. */
  readonly isHard: Uint8Array;
  /**
   * What a prompt counts where the natural mix is wanted: its stratum's share of all prompts over its
   * share of the batch. 1 under `uniform`; of mean 1 where both strata are drawn from.
   */
  readonly naturalWeights: Float64Array;
  /** How many of them came from the hard stratum; 0 under `uniform`. */
  readonly hard: number;
}

/**
 * @throws {RangeError} when there are no prompts, a number is out of range, ids and scores
 *   differ in length, or a stratum that is drawn from is empty
 */
export function drawPrompts(draw: PromptDraw): DrawnPrompts {
  const { ids, batch, step, seed, strategy } = draw;
  requireInteger(batch, "batch", 1);
  requireInteger(step, "step", 0);
  if (strategy === "uniform") {
    return {
      prompts: walk(ids, step * batch, batch, seed, "prompts"),
      hard: 0,
      isHard: new Uint8Array(batch),
      naturalWeights: new Float64Array(batch).fill(1),
    };
  }
  const { hardIds, otherIds } = strata(draw);
  const hard = Math.round(batch * draw.batchFraction);
  const others = batch - hard;
  const drawn = new Uint32Array(batch);
  drawn.set(walk(hardIds, step * hard, hard, seed, "prompts/hard"));
  drawn.set(walk(otherIds, step * others, others, seed, "prompts/other"), hard);
  const order = shuffled(batch, generator(streamSeed(seed, "prompts/order", step)));
  const isHard = Uint8Array.from(order, (position) => (position < hard ? 1 : 0));
  const natural = {
    hard: (hardIds.length / ids.length) * (batch / hard),
    other: (otherIds.length / ids.length) * (batch / others),
  };
  return {
    prompts: order.map((position) => drawn[position]!),
    hard,
    isHard,
    naturalWeights: Float64Array.from(isHard, (one) => (one === 1 ? natural.hard : natural.other)),
  };
}

function strata(draw: PromptDraw): { hardIds: Uint32Array; otherIds: Uint32Array } {
  const { ids, scores, batchFraction, hardFraction } = draw;
  requireSameLength(ids, "ids", scores, "scores");
  if (!(batchFraction >= 0 && batchFraction <= 1)) {
    throw new RangeError(`batchFraction is ${batchFraction}: a fraction in [0, 1] is needed`);
  }
  if (!(hardFraction > 0 && hardFraction < 1)) {
    throw new RangeError(`hardFraction is ${hardFraction}: a fraction in (0, 1) is needed`);
  }
  const hard = new Uint8Array(ids.length);
  for (const index of worst(scores, ids.length && tailCount(ids.length, hardFraction))) {
    hard[index] = 1;
  }
  return {
    hardIds: ids.filter((_, index) => hard[index] === 1),
    otherIds: ids.filter((_, index) => hard[index] === 0),
  };
}

/**
 * `count` ids from position `from` of an endless list: one permutation of `ids` after another,
 * that of epoch e from the stream `purpose` at e. Every id comes once per epoch.
 */
function walk(
  ids: Uint32Array,
  from: number,
  count: number,
  seed: number,
  purpose: string,
): Uint32Array {
  if (count > 0 && ids.length === 0) {
    throw new RangeError(`no prompt to draw from for ${purpose}, but ${count} are requested`);
  }
  const drawn = new Uint32Array(count);
  let epoch = -1;
  let order: Uint32Array = new Uint32Array(0);
  for (let taken = 0; taken < count; taken += 1) {
    const position = from + taken;
    if (Math.floor(position / ids.length) !== epoch) {
      epoch = Math.floor(position / ids.length);
      order = shuffled(ids.length, generator(streamSeed(seed, purpose, epoch)));
    }
    drawn[taken] = ids[order[position % ids.length]!]!;
  }
  return drawn;
}
