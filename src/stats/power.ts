/**
 * How many pairs (seeds) a paired t-test needs to see a difference, two-sided at level 0.05, from the
 * standard deviation of the paired differences. That deviation is an estimate itself: from three pairs
 * it is known within a factor of about two, and so is the square root of the number of pairs needed.
 */
import { incompleteBeta } from "./beta.js";
import { requireInteger } from "./checks.js";
import { poissonProbability } from "./saddle-point.js";
import { studentT975 } from "./student-t.js";

/** Of the test that the numbers of pairs are for. */
export const testPower = 0.8;
/** (Φ⁻¹(0.975) + Φ⁻¹(0.8))²: what n·(difference/sd)² is when n is large. */
const largeSample = 7.848879734349089;
/** Φ⁻¹(0.975)²/2: what the t-test needs over the large-sample number (Guenther 1981). */
const guenther = 1.9207294103470618;
/** Over it the large-sample number so corrected is exact to a pair. */
const largestSearch = 1000;

/**
 * Probability that the paired t-test of n pairs rejects at level 0.05, where the true mean difference
 * is `effect` standard deviations: the noncentral t distribution, squared a noncentral F, summed over
 * its Poisson mixture of beta distributions (Johnson, Kotz & Balakrishnan, ch. 30).
 *
 * @param effect difference/sd
 * @param pairs n, a whole number ≥ 2
 * @throws {RangeError} when an argument is out of range
 */
export function pairedPower(effect: number, pairs: number): number {
  requireInteger(pairs, "pairs", 2);
  const degrees = pairs - 1;
  const critical = studentT975(degrees) ** 2;
  const x = critical / (critical + degrees);
  const half = (pairs * effect * effect) / 2;
  const centre = Math.floor(half);
  const term = (j: number) => poissonProbability(j, half) * incompleteBeta(x, 0.5 + j, degrees / 2);
  let accepted = 0;
  for (let j = centre; j >= 0 && poissonProbability(j, half) > 1e-16; j -= 1) {
    accepted += term(j);
  }
  for (let j = centre + 1; poissonProbability(j, half) > 1e-16; j += 1) {
    accepted += term(j);
  }
  return Math.min(1, Math.max(0, 1 - accepted));
}

/**
 * The fewest pairs with which the test sees a true difference of this size with probability 0.8.
 *
 * @param difference finite
 * @param sd of the paired differences, ≥ 0
 * @returns at least 2; null where the difference is 0: no number is enough
 */
export function pairsNeeded(difference: number, sd: number): number | null {
  requireDeviation(difference, sd);
  if (difference === 0) {
    return null;
  }
  if (sd === 0) {
    return 2;
  }
  const effect = Math.abs(difference) / sd;
  const large = largeSample / effect ** 2;
  if (large > largestSearch) {
    return Math.ceil(large + guenther);
  }
  let pairs = Math.max(2, Math.floor(large));
  while (pairedPower(effect, pairs) < testPower) {
    pairs += 1;
  }
  return pairs;
}

/**
 * The smallest true difference that the test of so many pairs sees with probability 0.8.
 *
 * @param pairs a whole number ≥ 2
 * @param sd of the paired differences, ≥ 0
 */
export function detectableDifference(pairs: number, sd: number): number {
  requireDeviation(0, sd);
  const known = detectableEffects.get(pairs) ?? detectableEffect(pairs);
  detectableEffects.set(pairs, known);
  return known * sd;
}

/** By number of pairs: a sweep asks hundreds of times for the same few. */
const detectableEffects = new Map<number, number>();

/** In standard deviations. */
function detectableEffect(pairs: number): number {
  let low = 0;
  let high = 1;
  while (pairedPower(high, pairs) < testPower) {
    high *= 2;
  }
  for (let halving = 0; halving < 50; halving += 1) {
    const middle = (low + high) / 2;
    if (pairedPower(middle, pairs) < testPower) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return high;
}

function requireDeviation(difference: number, sd: number): void {
  if (!Number.isFinite(difference) || !(sd >= 0 && Number.isFinite(sd))) {
    throw new RangeError(
      `difference is ${difference}, sd is ${sd}: finite numbers are needed, sd at least 0`,
    );
  }
}
