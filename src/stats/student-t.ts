/** Student's t distribution: its quantiles, and the probability of what lies outside. */
import { requireFinite, requireInteger } from "./checks.js";

/** Above it the series would be long, and the expansion is exact to ten digits. */
const largestSeries = 2000;
/** Φ⁻¹(0.975). */
const normal975 = 1.959963984540054;

/**
 * The 0.975 quantile with ν degrees of freedom, so that P(|T| ≤ t) = 0.95.
 *
 * @param degrees ν, a whole number ≥ 1
 * @throws {RangeError} when ν is not
 */
export function studentT975(degrees: number): number {
  requireInteger(degrees, "degrees of freedom", 1);
  return degrees > largestSeries ? expansion(degrees) : studentTCentral(0.95, degrees);
}

/**
 * The t with P(|T| ≤ t) = probability.
 *
 * @param probability in (0, 1)
 * @param degrees ν, a whole number ≥ 1; the time taken is proportional to it
 * @throws {RangeError} when either is out of range
 */
export function studentTCentral(probability: number, degrees: number): number {
  requireInteger(degrees, "degrees of freedom", 1);
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(`probability is ${probability}: a number in (0, 1) is needed`);
  }
  // Bisection on θ = atan(t/√ν), which stays in (0, π/2) however heavy the tail is.
  let low = 0;
  let high = Math.PI / 2;
  for (let halving = 0; halving < 60; halving += 1) {
    const middle = (low + high) / 2;
    if (centralProbability(middle, degrees) < probability) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return Math.sqrt(degrees) * Math.tan((low + high) / 2);
}

/**
 * P(|T| > |t|), in [0, 1]: the two-sided p-value of t, good to 1e-12.
 *
 * @param degrees ν, a whole number ≥ 1; the time taken is proportional to it
 * @throws {RangeError} when t is not finite or ν out of range
 */
export function studentTOutside(t: number, degrees: number): number {
  requireFinite([t], "t");
  requireInteger(degrees, "degrees of freedom", 1);
  const inside = centralProbability(Math.atan(Math.abs(t) / Math.sqrt(degrees)), degrees);
  return Math.min(1, Math.max(0, 1 - inside));
}

/** P(|T| ≤ √ν·tan θ) as a finite sum: Abramowitz & Stegun 26.7.3 (ν odd) and 26.7.4 (ν even). */
function centralProbability(theta: number, degrees: number): number {
  const sine = Math.sin(theta);
  const cosine = Math.cos(theta);
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = 0;
  for (let k = odd ? 1 : 0; k <= degrees - 2; k += 2) {
    sum += term;
    term *= (cosine * cosine * (k + 1)) / (k + 2);
  }
  return odd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum;
}

/** Cornish–Fisher expansion in 1/ν: Abramowitz & Stegun 26.7.5. */
function expansion(degrees: number): number {
  const z = normal975;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / degrees + second / degrees ** 2 + third / degrees ** 3;
}
