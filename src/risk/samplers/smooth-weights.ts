/**
 * Natural weights as a smooth function of a prompt's rank, in the place of the step from one stratum to
 * the next: prompts on either side of a border are much alike, and so are their weights.
 */
import { requireFinite } from "../../stats/checks.js";
import { normalCdf } from "../../stats/normal.js";
import { ascendingOrder } from "../../stats/order.js";
import type { PromptPool, StratumShare } from "./prompt-sampler.js";

/**
 * u in (0, 1) by prompt id: the place by score, of N prompts (place + ½)/N, the worst nearest 0. Of equal
 * scores the earlier prompt is the worse one, as it is to the samplers.
 *
 * @throws {RangeError} when there are no scores, or one is not finite
 */
export function promptRanks({ ids, scores }: PromptPool): ReadonlyMap<number, number> {
  if (scores === null) {
    throw new RangeError("prompts without scores have no rank");
  }
  return new Map(
    Array.from(
      ascendingOrder(scores),
      (index, place) => [ids[index]!, (place + 0.5) / ids.length] as const,
    ),
  );
}

/**
 * The natural weights ℓ_k = natural_k/sampled_k of the strata, a step function of the rank with borders
 * c_k, smoothed by a Gaussian kernel of standard deviation b in rank:
 *
 *   s(u) = ℓ_1 + Σ_k (ℓ_{k+1} − ℓ_k)·Φ((u − c_k)/b),   weight(u) = s(u)/M
 *
 * with M the mean of s over the sampler's own mix, in which stratum k has the density 1/ℓ_k over ranks:
 * the weights have mean 1 there, as the natural ones do.
 *
 * @param strata the hardest first, each with a share of both mixes
 * @param ranks u in [0, 1] of each prompt
 * @param bandwidth b > 0
 * @throws {RangeError} when a number is out of range, or a stratum is never drawn from
 */
export function smoothedWeights(
  strata: readonly StratumShare[],
  ranks: ArrayLike<number>,
  bandwidth: number,
): Float64Array {
  requireFinite(ranks, "ranks");
  if (!(bandwidth > 0 && bandwidth < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`bandwidth is ${bandwidth}: a number above 0 is needed`);
  }
  const levels = strata.map(({ natural, sampled }, at) => {
    if (!(natural > 0 && sampled > 0)) {
      throw new RangeError(
        `stratum ${at} is ${natural} of all prompts and ${sampled} of the batch: its prompts have ` +
          "no natural weight",
      );
    }
    return natural / sampled;
  });
  const borders = [0];
  for (const { natural } of strata) {
    borders.push(borders.at(-1)! + natural);
  }
  const steps = levels.slice(1).map((level, at) => ({
    rise: level - levels[at]!,
    border: borders[at + 1]!,
  }));
  const smoothed = (u: number) =>
    steps.reduce(
      (sum, { rise, border }) => sum + rise * normalCdf((u - border) / bandwidth),
      levels[0]!,
    );
  /** ∫ s(u) du from 0 to `to`, but for a constant. */
  const integral = (to: number) =>
    steps.reduce(
      (sum, { rise, border }) => sum + rise * bandwidth * cdfIntegral((to - border) / bandwidth),
      levels[0]! * to,
    );
  const mean = levels.reduce(
    (sum, level, at) => sum + (integral(borders[at + 1]!) - integral(borders[at]!)) / level,
    0,
  );
  return Float64Array.from(ranks, (u) => smoothed(u) / mean);
}

/** ∫ Φ from −∞ to z: zΦ(z) + φ(z). */
function cdfIntegral(z: number): number {
  return z * normalCdf(z) + Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}
