/**
 * A closed loop: after the warm start α' falls by at most a rate an iteration, in each one where
 * what is seen of the training allows it, and is held otherwise. It never rises, and never falls
 * under α. Ours; what holds it answers the three ways in which a small α' is known to hurt: few
 * episodes make a noisy gradient, dropped episodes lose their KL penalty, and a tail that gets worse
 * is not helped by looking at less of it.
 */
import type { MemoryPart } from "../memory.js";
import { tailCount } from "../tail.js";
import type {
  AnnealingCause,
  AnnealingDecision,
  AnnealingSignals,
  AnnealingTerms,
  ClosedLoop,
} from "./annealing.js";
import { annealingEnd } from "./ramp.js";

/** Two points lie on a line whatever they are. */
const leastTrend = 3;
/** 1 − rate·k against α: their rounding, far below any rate. */
const rounding = 1e-12;

export const adaptive: ClosedLoop = {
  follows: "signals",
  reads: ({ adaptive: { rate } }) =>
    rate === null ? ["warmup", "rho", "adaptive"] : ["warmup", "adaptive"],
  alphaAt: (terms, step, iterations) => {
    const { alpha, warmup } = terms;
    if (step <= warmup) return 1;
    return Math.max(alpha, 1 - mostFall(terms, iterations) * (step - warmup));
  },
  end: soonestEnd,
  corners: (terms, iterations) => [terms.warmup, soonestEnd(terms, iterations)],
  ahead: (terms, iterations, alpha, steps) =>
    Math.max(terms.alpha, alpha - mostFall(terms, iterations) * steps),
  inForce: (memory) => (memory === null ? 1 : carried(memory).alpha),
  next,
  words: {
    description:
      "all episodes up to iteration n, then fewer where effective episodes, KL and CVaR allow it (risk.adaptive)",
    rule: "max(α, α' − rate) where effective episodes, KL and the trend of CVaR allow it, else α'; 1 up to n",
  },
};

/** Twice the slope of `soft`, so that it gets there by ⌈ρM⌉ when it is held half of the time. */
function mostFall(terms: AnnealingTerms, iterations: number): number {
  const { alpha, warmup, adaptive: limits } = terms;
  return limits.rate ?? (2 * (1 - alpha)) / (annealingEnd(terms, iterations) - warmup);
}

/** When it is never held. */
function soonestEnd(terms: AnnealingTerms, iterations: number): number {
  const { alpha, warmup } = terms;
  const rate = mostFall(terms, iterations);
  return alpha === 1 ? 0 : warmup + Math.ceil((1 - alpha) / rate - rounding);
}

function next(
  terms: AnnealingTerms,
  step: number,
  iterations: number,
  memory: MemoryPart,
  signals: AnnealingSignals,
): { memory: NonNullable<MemoryPart>; decision: AnnealingDecision } {
  const { alpha, warmup, adaptive: limits } = terms;
  const before = memory === null ? { alpha: 1, cvar: [] } : carried(memory);
  const lower = lowered(before.alpha, alpha, mostFall(terms, iterations));
  const cvar = [...before.cvar, signals.cvar].slice(-limits.window);
  const trend = slopeOf(cvar);
  // The weights' unevenness is taken to stay: what is left is as many fewer as the tail is.
  const { batch, effective } = signals;
  const effectiveNext = (effective * tailCount(batch, lower)) / tailCount(batch, before.alpha);
  const cause = ((): AnnealingCause => {
    if (before.alpha === alpha) return "reached";
    if (step < warmup) return "held: warm start";
    if (effectiveNext < limits.episodes) return "held: few effective episodes";
    if (limits.kl !== null && signals.kl > limits.kl * signals.klTarget) {
      return "held: KL over its limit";
    }
    return limits.decline !== null && trend !== null && falls(trend, limits.decline)
      ? "held: CVaR falls"
      : "lowered";
  })();
  const alphaNext = cause === "lowered" ? lower : before.alpha;
  return {
    memory: { alpha: alphaNext, cvar },
    decision: {
      alphaNext,
      cause,
      effectiveNext,
      slope: trend?.slope ?? null,
      slopeError: trend?.error ?? null,
    },
  };
}

function lowered(before: number, alpha: number, rate: number): number {
  const lower = before - rate;
  return lower <= alpha + rounding ? alpha : lower;
}

/** @throws {Error} when it is the memory of something else */
function carried(memory: NonNullable<MemoryPart>): { alpha: number; cvar: readonly number[] } {
  const { alpha, cvar } = memory;
  if (typeof alpha !== "number" || typeof cvar !== "object") {
    throw new Error(`no memory of an adaptive annealing: ${JSON.stringify(memory)}`);
  }
  return { alpha, cvar };
}

interface Trend {
  /** An iteration. */
  readonly slope: number;
  readonly error: number;
}

/** A fall that is clear of the noise. Without noise every fall is. */
function falls({ slope, error }: Trend, decline: number): boolean {
  return slope < 0 && slope <= -decline * error;
}

/** Least squares on the iterations' numbers; null: too few. */
function slopeOf(values: readonly number[]): Trend | null {
  const n = values.length;
  if (n < leastTrend) return null;
  const middle = (n - 1) / 2;
  const level = values.reduce((sum, value) => sum + value, 0) / n;
  let spread = 0;
  let product = 0;
  for (const [at, value] of values.entries()) {
    spread += (at - middle) ** 2;
    product += (at - middle) * (value - level);
  }
  const slope = product / spread;
  const residual = values.reduce(
    (sum, value, at) => sum + (value - level - slope * (at - middle)) ** 2,
    0,
  );
  return { slope, error: Math.sqrt(residual / (n - 2) / spread) };
}
