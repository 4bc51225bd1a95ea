/** The beta distribution: its distribution function and quantiles, and bounds of a rate from them. */
import { requireInteger } from "./checks.js";
import { binomialProbability } from "./saddle-point.js";

/**
 * I_x(a, b), the distribution function of Beta(a, b), to a relative error of about 1e-13: the
 * continued fraction of Numerical Recipes § 6.4 (modified Lentz), its factor by Loader's expansion.
 *
 * @param x in [0, 1]
 * @param a > 0
 * @param b > 0
 * @throws {RangeError} when an argument is out of range
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (!(x >= 0 && x <= 1)) {
    throw new RangeError(`x is ${x}: a number in [0, 1] is needed`);
  }
  requireShapes(a, b);
  if (x === 0 || x === 1) {
    return x;
  }
  // The fraction converges quickly on this side of the mean.
  return x < (a + 1) / (a + b + 2) ? lowerTail(x, 1 - x, a, b) : 1 - lowerTail(1 - x, x, b, a);
}

/**
 * The x with I_x(a, b) = p, by Newton steps within a bracket.
 *
 * @param p in [0, 1]
 * @param a > 0
 * @param b > 0
 * @throws {RangeError} when an argument is out of range
 */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1)) {
    throw new RangeError(`p is ${p}: a probability in [0, 1] is needed`);
  }
  requireShapes(a, b);
  if (p === 0 || p === 1) {
    return p;
  }
  let low = 0;
  let high = 1;
  let x = startOf(p, a, b);
  for (let round = 0; round < 200; round += 1) {
    const value = incompleteBeta(x, a, b);
    if (value > p) {
      high = x;
    } else {
      low = x;
    }
    const density = (((a * b) / (a + b)) * binomialProbability(a, a + b, x, 1 - x)) / (x * (1 - x));
    // On the logarithm of I: in its lower tail Newton's steps on I itself would creep.
    let next = x - (value * Math.log(value / p)) / density;
    if (!(next > low && next < high)) {
      next = (low + high) / 2;
    }
    if (Math.abs(next - x) <= 4e-16 * x || next === low || next === high) {
      return next;
    }
    x = next;
  }
  return x;
}

/**
 * One-sided bound of a rate from k of n independent draws, at level 1 − δ: Clopper & Pearson 1934.
 * Upper: the p at which k or fewer have probability δ, BetaInv(1 − δ; k + 1, n − k), 1 where k = n.
 * Lower: the p at which k or more have, BetaInv(δ; k, n − k + 1), 0 where k = 0.
 *
 * @param k a whole number in [0, n]
 * @param n a whole number ≥ 1
 * @param delta in (0, 1): the probability that the bound is wrong
 * @throws {RangeError} when an argument is out of range
 */
export function rateBound(k: number, n: number, delta: number, side: "lower" | "upper"): number {
  requireInteger(n, "n", 1);
  requireInteger(k, "k", 0, n);
  if (!(delta > 0 && delta < 1)) {
    throw new RangeError(`delta is ${delta}: a probability in (0, 1) is needed`);
  }
  if (side === "lower") {
    return k === 0 ? 0 : betaQuantile(delta, k, n - k + 1);
  }
  return k === n ? 1 : 1 - betaQuantile(delta, n - k, k + 1);
}

/** Mean + z·sd, z the normal quantile to 5e-4 (Abramowitz & Stegun 26.2.23): where Newton begins. */
function startOf(p: number, a: number, b: number): number {
  const t = Math.sqrt(-2 * Math.log(Math.min(p, 1 - p)));
  const z =
    t -
    (2.515517 + t * (0.802853 + t * 0.010328)) /
      (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  const mean = a / (a + b);
  const x = mean + (p < 0.5 ? -z : z) * Math.sqrt((mean * (1 - mean)) / (a + b + 1));
  return x > 0 && x < 1 ? x : mean;
}

function requireShapes(a: number, b: number): void {
  if (!(a > 0 && b > 0 && Number.isFinite(a + b))) {
    throw new RangeError(`a is ${a}, b is ${b}: finite numbers > 0 are needed`);
  }
}

/** I_x(a, b) for x under about the mean; y = 1 − x. */
function lowerTail(x: number, y: number, a: number, b: number): number {
  // x^a·y^b/(a·B(a, b)) = b/(a+b)·[a + b over a]·x^a·y^b
  const factor = (b / (a + b)) * binomialProbability(a, a + b, x, y);
  if (factor === 0) {
    return 0;
  }
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / guarded(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 100_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    const change = d * c;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-15) {
      return factor * fraction;
    }
  }
  throw new Error(`the beta distribution's fraction did not converge at ${x}, ${a}, ${b}`);

  function guarded(value: number): number {
    return Math.abs(value) < tiny ? tiny : value;
  }
}
