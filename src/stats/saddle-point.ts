/**
 * Probabilities of the Poisson and binomial distributions without cancellation, however large their
 * arguments: C. Loader, "Fast and accurate computation of binomial probabilities" (2000), the
 * algorithm of R. Relative error about 1e-14; lgamma's differences would lose nine digits at 10⁶.
 */

/** e^{−mean}·mean^k/k!, for real k ≥ 0 and mean ≥ 0. */
export function poissonProbability(k: number, mean: number): number {
  if (mean === 0) {
    return k === 0 ? 1 : 0;
  }
  if (k === 0) {
    return Math.exp(-mean);
  }
  return Math.exp(-stirlingError(k) - deviance(k, mean)) / Math.sqrt(2 * Math.PI * k);
}

/** Γ(n+1)/(Γ(k+1)·Γ(n−k+1))·p^k·q^(n−k) with q = 1 − p, for real 0 ≤ k ≤ n. */
export function binomialProbability(k: number, n: number, p: number, q: number): number {
  if (p === 0 || q === 0) {
    return k === (p === 0 ? 0 : n) ? 1 : 0;
  }
  if (k === 0) {
    return Math.exp(n * (p < 0.5 ? Math.log1p(-p) : Math.log(q)));
  }
  if (k === n) {
    return Math.exp(n * (q < 0.5 ? Math.log1p(-q) : Math.log(p)));
  }
  const rest = n - k;
  const exponent =
    stirlingError(n) -
    stirlingError(k) -
    stirlingError(rest) -
    deviance(k, n * p) -
    deviance(rest, n * q);
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * rest));
}

/** ln Γ(x+1) − [(x + ½)·ln x − x + ½·ln 2π] for x > 0: the error of Stirling's formula. */
function stirlingError(x: number): number {
  // The series is good to 1e-16 from 16 on; below it, Γ(x+1) = Γ(x+2)/(x+1) leads there.
  let shift = 0;
  let at = x;
  while (at < 16) {
    shift += (at + 0.5) * Math.log1p(1 / at) - 1;
    at += 1;
  }
  const square = at * at;
  const series =
    (1 / 12 -
      (1 / 360 -
        (1 / 1260 - (1 / 1680 - (1 / 1188 - 691 / 360360 / square) / square) / square) / square) /
        square) /
    at;
  return shift + series;
}

/** k·ln(k/mean) + mean − k ≥ 0, without cancellation where k is near the mean. */
function deviance(k: number, mean: number): number {
  if (Math.abs(k - mean) < 0.1 * (k + mean)) {
    const ratio = (k - mean) / (k + mean);
    let sum = (k - mean) * ratio;
    let term = 2 * k * ratio;
    for (let j = 1; j < 1000; j += 1) {
      term *= ratio * ratio;
      const next = sum + term / (2 * j + 1);
      if (next === sum) {
        return next;
      }
      sum = next;
    }
  }
  return k * Math.log(k / mean) + mean - k;
}
