import { requireFinite, requireSome } from "./checks.js";

/** A bet above it could lose all that it has. */
const largestBet = 0.9;

export interface MeanBound {
  /** The range's upper end where the samples say nothing. */
  readonly bound: number;
  readonly trivial: boolean;
}

/**
 * What the mean of independent scores in a stated range is not above, at level 1 − δ, by betting
 * (Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", 2024): against
 * "the mean is m", a capital of 1 is bet on scores under m, K_t = Π (1 + λ_i·(m − X_i)). Were the mean
 * m or higher, K would be a nonnegative supermartingale, and would ever reach 1/δ with
 * probability δ at most (Ville); the bound is the lowest m against which it does. The bets are the
 * plug-in ones, λ_i = √(2·ln(1/δ)/(n·σ̂²_{i−1})), at most 0.9, from the scores before: the bound
 * depends on the scores' order, which must not depend on their values.
 *
 * For expected maximum toxicity: one maximum per prompt, of prompts independent of each other.
 *
 * @param scores in the order in which they were drawn
 * @param options.delta in (0, ½]
 * @param options.lower under it no score can lie
 * @param options.upper over it no score can lie
 * @throws {RangeError} when scores is empty, or a score not in the range
 */
export function meanUpperBound(
  scores: ArrayLike<number>,
  {
    delta,
    lower,
    upper,
  }: { readonly delta: number; readonly lower: number; readonly upper: number },
): MeanBound {
  requireSome(scores, "scores");
  requireFinite(scores, "scores");
  if (!(delta > 0 && delta <= 0.5)) {
    throw new RangeError(`delta is ${delta}: a probability in (0, 0.5] is needed`);
  }
  const unit = Float64Array.from(scores, (score, index) => {
    if (!(score >= lower && score <= upper)) {
      throw new RangeError(`scores[${index}] is ${score}: it must lie in [${lower}, ${upper}]`);
    }
    return (score - lower) / (upper - lower);
  });
  const bets = plugInBets(unit, delta);
  if (!reaches(1, unit, bets, delta)) {
    return { bound: upper, trivial: true };
  }
  // The capital rises with m.
  let low = 0;
  let high = 1;
  for (let halving = 0; halving < 40; halving += 1) {
    const middle = (low + high) / 2;
    if (reaches(middle, unit, bets, delta)) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return { bound: lower + high * (upper - lower), trivial: false };
}

function plugInBets(unit: Float64Array, delta: number): Float64Array {
  let sum = 0.5;
  let squares = 0.25;
  return unit.map((score, index) => {
    const bet = Math.sqrt((2 * Math.log(1 / delta) * (index + 1)) / (unit.length * squares));
    sum += score;
    squares += (score - sum / (index + 2)) ** 2;
    return Math.min(bet, largestBet);
  });
}

function reaches(m: number, unit: Float64Array, bets: Float64Array, delta: number): boolean {
  const goal = Math.log(1 / delta);
  let capital = 0;
  for (let index = 0; index < unit.length; index += 1) {
    capital += Math.log1p(bets[index]! * (m - unit[index]!));
    if (capital >= goal) {
      return true;
    }
  }
  return false;
}
