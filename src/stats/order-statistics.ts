/**
 * Upper bounds of uniform order statistics that hold all at once: the band from which certified
 * bounds of a tail are read (`certificates.ts`).
 */
import { betaQuantile } from "./beta.js";
import { poissonProbability } from "./saddle-point.js";

/** With probability 1 − δ, U_(ranks[j]) ≤ bounds[j] for all j; both ascend. */
export interface Band {
  readonly ranks: ArrayLike<number>;
  readonly bounds: ArrayLike<number>;
}

/** Where the tail has more ranks, not every one of them is bounded. */
const everyRankUpTo = 1_000;
/** Of ⌈αn⌉ above it Dvoretzky–Kiefer–Wolfowitz is as tight, and free. */
export const largestTail = 100_000;

/** ε of Dvoretzky–Kiefer–Wolfowitz, one-sided, with Massart's constant (1990): δ ≤ ½. */
function dkwMargin(n: number, delta: number): number {
  return Math.sqrt(Math.log(1 / delta) / (2 * n));
}

/** b_i = (i − 1)/n + ε: that F ≤ F_n + ε everywhere, in terms of order statistics. */
export function dkwBand(n: number, delta: number): Band {
  const margin = dkwMargin(n, delta);
  const ranks = new Uint32Array(n);
  const bounds = new Float64Array(n);
  for (let index = 0; index < n; index += 1) {
    ranks[index] = index + 1;
    bounds[index] = Math.min(1, index / n + margin);
  }
  return { ranks, bounds };
}

/**
 * b_i = BetaInv(1 − η; i, n − i + 1) for i ≤ k = ⌈αn⌉, with one η, the largest at which all hold at
 * once with probability 1 − δ (Berk & Jones 1979; Chen et al., "Conformal Tail Risk Control",
 * arXiv 2502.20285; truncated to the ranks that a tail of α reads, as in Snell et al., "Quantile Risk
 * Control", arXiv 2212.13629, since what is not claimed costs nothing). η is found by a search on the
 * exact probability. Where k is over 1,000, only ranks √i apart are bounded: fewer statements
 * still, so η is larger; a rank between two takes the bound of the next, as U_(i) ≤ U_(i') allows.
 *
 * @param n ≥ 1
 * @param delta in (0, ½]
 * @param alpha in (0, 1]
 */
export function orderStatisticsBand(n: number, delta: number, alpha: number): Band {
  const ranks = ranksOf(n, alpha);
  const key = `${n} ${delta} ${ranks[ranks.length - 1]}`;
  let band = bands.get(key);
  if (band === undefined) {
    band = { ranks, bounds: boundsAt(levelOf(n, delta, ranks), n, ranks) };
    bands.set(key, band);
  }
  return band;
}

/** Functions of their arguments alone, kept because arms and metrics of a run ask for the same ones. */
const bands = new Map<string, Band>();

function ranksOf(n: number, alpha: number): Uint32Array {
  // 0.07·100 is a hair over 7 in floating point.
  const last = Math.min(n, Math.ceil(alpha * n * (1 - 1e-12)));
  const ranks: number[] = [];
  const thinned = last > everyRankUpTo;
  for (let rank = 1; rank < last; ) {
    ranks.push(rank);
    rank += thinned ? Math.max(1, Math.floor(Math.sqrt(rank))) : 1;
  }
  ranks.push(last);
  return Uint32Array.from(ranks);
}

function boundsAt(level: number, n: number, ranks: Uint32Array): Float64Array {
  return Float64Array.from(ranks, (rank) => 1 - betaQuantile(level, n - rank + 1, rank));
}

/** The largest η that keeps the probability that any bound fails at δ or a hair under. */
function levelOf(n: number, delta: number, ranks: Uint32Array): number {
  const slack = ranks.length === ranks[ranks.length - 1] ? 1e-9 : 5e-3;
  const target = delta * (1 - slack / 2);
  // ln of the excess over the target, of ln η: nearly a line, of slope about 1.
  const excessAt = (log: number): number => {
    const coverage = simultaneousCoverage(n, ranks, boundsAt(Math.exp(log), n, ranks), delta);
    return Math.log((1 - coverage) / target);
  };
  // One bound alone fails with probability η, all together with at most as many times η.
  let low = Math.log(delta / ranks.length);
  let high = Math.log(delta);
  let at = Math.max(low, high - 1.9 * Math.log(1 + Math.log(ranks.length)));
  let before: { readonly at: number; readonly excess: number } | null = null;
  for (let round = 0; round < 60 && high - low > 1e-14; round += 1) {
    const excess = excessAt(at);
    if (excess <= 0) {
      low = at;
      if (excess >= Math.log1p(-slack / 2)) {
        break;
      }
    } else {
      high = at;
    }
    const slope = before === null ? 1 : (excess - before.excess) / (at - before.at);
    before = { at, excess };
    const next = at - excess / slope;
    at = next > low && next < high ? next : (low + high) / 2;
  }
  return Math.exp(low);
}

/**
 * P(U_(ranks[j]) ≤ bounds[j] for all j) of n independent uniform numbers: at least ranks[j] of them
 * lie under bounds[j]. Their count is a Poisson process that has n events in the end, so its steps are
 * convolutions (Moscovich & Nadler, "Fast calculation of boundary crossing probabilities for Poisson
 * processes", 2017). States too improbable to matter are dropped, which can only lower the result:
 * what is certified with it stays certified.
 *
 * @param delta the failure probability that matters: what is dropped is a 1e-7 part of it
 */
export function simultaneousCoverage(
  n: number,
  ranks: ArrayLike<number>,
  bounds: ArrayLike<number>,
  delta: number,
): number {
  const atEnd = poissonProbability(n, n);
  const negligible = (delta * 1e-8 * atEnd) / ranks.length / 16;
  let first = 0;
  let mass = Float64Array.of(1);
  let time = 0;
  for (let j = 0; j < ranks.length && mass.length > 0; j += 1) {
    const step = kernel(n * (bounds[j]! - time), negligible);
    time = bounds[j]!;
    const from = Math.max(first + step.first, ranks[j]!);
    const to = Math.min(first + mass.length - 1 + step.first + step.terms.length - 1, n);
    const next = new Float64Array(Math.max(0, to - from + 1));
    for (let count = from; count <= to; count += 1) {
      const least = Math.max(first, count - step.first - step.terms.length + 1);
      const most = Math.min(first + mass.length - 1, count - step.first);
      let sum = 0;
      for (let before = least; before <= most; before += 1) {
        sum += mass[before - first]! * step.terms[count - before - step.first]!;
      }
      next[count - from] = sum;
    }
    let kept = next.length;
    while (kept > 0 && next[kept - 1]! < negligible) {
      kept -= 1;
    }
    mass = next.subarray(0, kept);
    first = from;
  }
  const rest = n * (1 - time);
  const total = mass.reduce(
    (sum, probability, index) => sum + probability * poissonProbability(n - first - index, rest),
    0,
  );
  return Math.min(1, total / atEnd);
}

/** Poisson probabilities of the counts that are not negligible: terms[i] is that of first + i. */
function kernel(mean: number, negligible: number): { first: number; terms: Float64Array } {
  const centre = Math.floor(mean);
  const terms = [poissonProbability(centre, mean)];
  let first = centre;
  for (let value = terms[0]!; first > 0 && value >= negligible; ) {
    value *= first / mean;
    first -= 1;
    terms.push(value);
  }
  terms.reverse();
  let last = centre;
  for (let value = terms[terms.length - 1]!; value >= negligible; ) {
    last += 1;
    value *= mean / last;
    terms.push(value);
  }
  return { first, terms: Float64Array.from(terms) };
}
