/**
 * Reward conditioning, as in Quark (Lu et al. 2022, arXiv 2205.13636): a batch is divided into K
 * quantiles of its returns, each episode is learned after a text that names its quantile, and the
 * policy is sampled after the text of the best one.
 */
import { requireFinite, requireInteger, requireSome } from "../stats/checks.js";
import { worst } from "./selection.js";

/** What stands before a prompt, the lowest quantile first. */
export function quantileTexts(quantiles: number): string[] {
  return Array.from({ length: quantiles }, (_, at) => `Quality ${at + 1} of ${quantiles}: `);
}

/**
 * The quantile of each episode, from 0 for the lowest: ⌊K·rank/B'⌋ among the B' episodes that have a
 * reward, of equal returns the earlier one first. 0 where the reward failed.
 *
 * @param returns one per episode; values of failed episodes are not looked at
 * @param quantiles K ≥ 1
 * @throws {RangeError} when all episodes failed, or a return is not finite
 */
export function rewardQuantiles(
  returns: ArrayLike<number>,
  failed: ReadonlySet<number>,
  quantiles: number,
): Uint32Array {
  requireInteger(quantiles, "quantiles", 1, Number.MAX_SAFE_INTEGER);
  const scored = Array.from({ length: returns.length }, (_, at) => at).filter(
    (at) => !failed.has(at),
  );
  const values = scored.map((at) => returns[at]!);
  requireSome(values, "returns");
  requireFinite(values, "returns");
  const found = new Uint32Array(returns.length);
  for (const [rank, place] of worst(values, values.length).entries()) {
    found[scored[place]!] = Math.floor((quantiles * rank) / values.length);
  }
  return found;
}
