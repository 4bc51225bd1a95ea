/**
 * How far the best of n completions is from the policy that drew them, at most: KL ≤ ln n − (n − 1)/n
 * nats an episode, whatever the reward (Beirami et al. 2024, arXiv 2401.01879, theorem 1).
 *
 * @param n completions, ≥ 1
 * @throws {RangeError} n is no whole number ≥ 1
 */
import { requireInteger } from "../stats/checks.js";

export function bestOfKlBound(n: number): number {
  requireInteger(n, "n", 1, Number.MAX_SAFE_INTEGER);
  return Math.log(n) - (n - 1) / n;
}
