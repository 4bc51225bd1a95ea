/**
 * How much each episode counts in the KL loss: all of them, whatever their risk weight is, or a
 * random part of those that the risk measure drops, weighted up so that the sum stays unbiased.
 */
import { requireFinite, requireFraction, requireSameLength } from "../stats/checks.js";
import { type Random, shuffled } from "../stats/random.js";

export interface KlLossInput {
  /** ≥ 0, what each episode counts where all carry the KL; one per episode. */
  readonly base: Float64Array;
  /** The risk measure's weights; 0: dropped. */
  readonly weights: ArrayLike<number>;
  /** Fraction of the dropped episodes that carry the KL, in (0, 1]; at least one of them does. */
  readonly anchors: number;
  /** This step's own stream. */
  readonly random: Random;
}

/**
 * Kept episodes have their base weight. Of the D dropped ones, a = ⌊anchors·D + ½⌋ (at least 1) are
 * drawn without repetition and have D/a times theirs: each is drawn with probability a/D, so that the
 * expected weight of every episode is its base weight.
 *
 * @throws {RangeError} when lengths differ, a value is not finite, or anchors is not in (0, 1]
 */
export function klLossWeights({ base, weights, anchors, random }: KlLossInput): Float32Array {
  requireSameLength(base, "base", weights, "weights");
  requireFinite(base, "base");
  requireFinite(weights, "weights");
  requireFraction(anchors, "anchors");
  const dropped = Uint32Array.from(base.keys()).filter((episode) => weights[episode] === 0);
  const drawn = anchorCount(dropped.length, anchors);
  if (drawn === dropped.length) {
    return Float32Array.from(base);
  }
  const found = Float32Array.from(base, (own, episode) => (weights[episode] === 0 ? 0 : own));
  for (const place of shuffled(dropped.length, random).subarray(0, drawn)) {
    const episode = dropped[place]!;
    found[episode] = (base[episode]! * dropped.length) / drawn;
  }
  return found;
}

/** Of so many dropped episodes, those that carry the KL. */
export function anchorCount(dropped: number, anchors: number): number {
  return dropped === 0 ? 0 : Math.max(1, Math.round(anchors * dropped));
}
