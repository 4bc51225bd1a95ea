import { requireInteger, requireSameLength } from "../../stats/checks.js";
import { ascendingOrder } from "../../stats/order.js";
import type { PromptPool } from "./prompt-sampler.js";

/**
 * The prompts in K parts of equal size (but for one prompt) by the quantiles of their scores: the
 * hardest part first, each in the order of `ids`. Of equal scores the earlier prompt is the harder one.
 *
 * @param count K
 * @throws {RangeError} when ids and scores differ in length, or there are fewer than K prompts
 */
export function quantileStrata({ ids, scores }: PromptPool, count: number): Uint32Array[] {
  requireSameLength(ids, "ids", scores ?? [], "scores");
  requireInteger(count, "strata", 2, ids.length);
  const order = ascendingOrder(scores!);
  return Array.from({ length: count }, (_, stratum) => {
    const from = Math.floor((stratum * ids.length) / count);
    const to = Math.floor(((stratum + 1) * ids.length) / count);
    return order
      .slice(from, to)
      .sort()
      .map((place) => ids[place]!);
  });
}
