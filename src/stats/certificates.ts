/**
 * One-sided bounds of a distribution's tail that hold with probability 1 − δ or more for any n, from
 * n independent scores and, for CVaR, a stated bound of the scores themselves: nothing else is
 * assumed. Ties and discrete scores are allowed. docs/statistics.md has the formulas and how often
 * each bound held in simulation.
 */
import { requireFinite, requireFraction, requireSome } from "./checks.js";
import { type Band, dkwBand, largestTail, orderStatisticsBand } from "./order-statistics.js";
import { binomialProbability } from "./saddle-point.js";

export type BandMethod = "dkw" | "order-statistics";

export interface CertificateOptions {
  /** Fraction in the tail, in (0, 1]. */
  readonly alpha: number;
  /** The probability that the bound is wrong, in (0, ½]. */
  readonly delta: number;
  /** By default order statistics. */
  readonly method?: BandMethod;
}

export interface TailBound {
  /** Null: there is none; n is too small, or the scores have no stated bound. */
  readonly bound: number | null;
  /** Order statistics whose tail is so large that DKW is as tight are bounded by DKW. */
  readonly method: BandMethod;
  /** The samples say nothing: the bound is the scores' own bound, or there is none. */
  readonly trivial: boolean;
  /** Where trivial: the smallest n that would not be; null: no n helps, or it is not trivial. */
  readonly needed: number | null;
}

/**
 * What CVaR_α, the mean of the worst α of the distribution (low is bad), is not below. A band
 * F ≤ F⁺ that holds with probability 1 − δ bounds every quantile from below; CVaR_α is their mean over
 * (0, α). DKW: F⁺ = F_n + ε, so that mass ε lies at the lower bound. Order statistics: the mass
 * b_1 lies at the lower bound, b_{i+1} − b_i at the i-th lowest score.
 *
 * @param scores independent, in any order
 * @param options.lower the scores cannot be under it, by their definition: the lowest score seen is
 *   not such a bound. Null: there is none, and then CVaR has no lower bound, however many scores
 *   there are, since the unseen part of the tail may be arbitrarily bad
 * @throws {RangeError} when scores is empty or holds NaN, ±∞ or a score under `lower`, or an option
 *   is out of range
 */
export function cvarLowerBound(
  scores: ArrayLike<number>,
  options: CertificateOptions & { readonly lower: number | null },
): TailBound {
  const { alpha, delta, lower } = options;
  const n = checked(scores, options);
  const method = methodFor(n, options);
  if (lower === null) {
    return { bound: null, method, trivial: true, needed: null };
  }
  const sorted = new Float64Array(scores).sort();
  if (!(sorted[0]! >= lower)) {
    throw new RangeError(
      `a score is ${sorted[0]}, under the stated lower bound ${lower}: state a bound that every score keeps`,
    );
  }
  const band = method === "dkw" ? dkwBand(n, delta) : orderStatisticsBand(n, delta, alpha);
  if (band.bounds[0]! >= alpha) {
    return { bound: lower, method, trivial: true, needed: neededForCvar(options) };
  }
  return { bound: tailMean(sorted, band, lower, alpha), method, trivial: false, needed: null };
}

/**
 * The same where high is bad: what the mean of the highest α of the distribution is not above.
 *
 * @param options.upper the scores cannot be over it
 * @throws {RangeError} as {@link cvarLowerBound}
 */
export function cvarUpperBound(
  scores: ArrayLike<number>,
  { upper, ...options }: CertificateOptions & { readonly upper: number | null },
): TailBound {
  const lower = upper === null ? null : -upper;
  const found = cvarLowerBound(negated(scores), { ...options, lower });
  return { ...found, bound: found.bound === null ? null : -found.bound };
}

/**
 * What VaR_α, the α-quantile (low is bad), is not below: the k-th lowest score, k the largest with
 * P(Binomial(n, α) < k) ≤ δ. No bound of the scores is needed; without such a k there is none.
 *
 * @throws {RangeError} when scores is empty or not finite, or alpha or delta is out of range
 */
export function varLowerBound(
  scores: ArrayLike<number>,
  { alpha, delta }: { readonly alpha: number; readonly delta: number },
): Omit<TailBound, "method"> {
  const n = checked(scores, { alpha, delta });
  let below = 0;
  let k = 0;
  while (k < n) {
    below += binomialProbability(k, n, alpha, 1 - alpha);
    if (below > delta) {
      break;
    }
    k += 1;
  }
  if (k === 0) {
    const needed = Math.ceil(Math.log(delta) / Math.log1p(-alpha));
    return { bound: null, trivial: true, needed };
  }
  return { bound: new Float64Array(scores).sort()[k - 1]!, trivial: false, needed: null };
}

/** The same where high is bad: what the (1 − α)-quantile is not above. */
export function varUpperBound(
  scores: ArrayLike<number>,
  options: { readonly alpha: number; readonly delta: number },
): Omit<TailBound, "method"> {
  const found = varLowerBound(negated(scores), options);
  return { ...found, bound: found.bound === null ? null : -found.bound };
}

/** The fewest scores from which {@link cvarLowerBound} says more than the scores' own bound. */
export function neededForCvar(options: CertificateOptions): number {
  const { alpha, delta } = options;
  const byDkw = Math.floor(Math.log(1 / delta) / (2 * alpha * alpha)) + 1;
  // One rank alone has level δ, all together a smaller one: no n under this is enough.
  let low = Math.max(0, Math.ceil(Math.log(delta) / Math.log1p(-alpha)) - 1);
  if (options.method === "dkw" || low >= byDkw) {
    return byDkw;
  }
  let high = low + 1;
  while (!enough(high)) {
    low = high;
    high = Math.ceil(high * 1.2);
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return high;

  function enough(n: number): boolean {
    const band =
      methodFor(n, options) === "dkw" ? dkwBand(n, delta) : orderStatisticsBand(n, delta, alpha);
    return band.bounds[0]! < alpha;
  }
}

function methodFor(
  n: number,
  { alpha, method = "order-statistics" }: CertificateOptions,
): BandMethod {
  return method === "order-statistics" && alpha * n > largestTail ? "dkw" : method;
}

function checked(
  scores: ArrayLike<number>,
  { alpha, delta }: { readonly alpha: number; readonly delta: number },
): number {
  requireSome(scores, "scores");
  requireFinite(scores, "scores");
  requireFraction(alpha, "alpha");
  if (!(delta > 0 && delta <= 0.5)) {
    throw new RangeError(`delta is ${delta}: a probability in (0, 0.5] is needed`);
  }
  return scores.length;
}

/** (1/α)·∫₀^α of the quantile function whose distribution function is the band. */
function tailMean(
  sorted: Float64Array,
  { ranks, bounds }: Band,
  lower: number,
  alpha: number,
): number {
  let before = bounds[0]!;
  let sum = before * lower;
  for (let j = 0; before < alpha; j += 1) {
    const upTo = j + 1 < ranks.length ? Math.min(alpha, bounds[j + 1]!) : alpha;
    sum += (upTo - before) * sorted[ranks[j]! - 1]!;
    before = upTo;
  }
  return sum / alpha;
}

function negated(scores: ArrayLike<number>): Float64Array {
  return Float64Array.from(scores, (score) => -score);
}
