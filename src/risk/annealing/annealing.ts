/**
 * What a kind of annealing is: how the fraction of the episodes that counts, α', comes down from 1
 * to α. Most kinds know α' of every iteration beforehand; a closed loop decides after each one.
 */
import type { MemoryPart } from "../memory.js";

/** Iteration m, from 0, and the α' in (0, 1] from there on. */
export type AnnealingStep = readonly [iteration: number, alpha: number];

/** What the closed loop goes by, `risk.adaptive`. */
export interface AdaptiveLimits {
  /** Most that α' falls in one iteration, in (0, 1]; null: twice the slope of `soft`. */
  readonly rate: number | null;
  /** Fewest effective episodes, (Σw)²/Σw², that the next iteration may be left with, > 0. */
  readonly episodes: number;
  /** Highest KL, in multiples of the target, > 0; null: any. */
  readonly kl: number | null;
  /** W ≥ 3: iterations that the trend of CVaR_α is taken over. */
  readonly window: number;
  /** Steepest fall of CVaR_α, in standard errors of its slope, ≥ 0; null: any. */
  readonly decline: number | null;
}

/** The numbers of the `risk` section that α' is computed from. */
export interface AnnealingTerms {
  /** α in (0, 1]: the fraction kept in the end. */
  readonly alpha: number;
  /** n ≥ 0: iterations of the warm start, every episode kept. */
  readonly warmup: number;
  /** ρ in (0, 1]: fraction of the iterations at which α is reached. */
  readonly rho: number;
  /** Null where the kind is not `steps`. */
  readonly annealing_steps: readonly AnnealingStep[] | null;
  readonly adaptive: AdaptiveLimits;
}

/** What an iteration tells the closed loop. */
export interface AnnealingSignals {
  /** (Σw)²/Σw² of its weights. */
  readonly effective: number;
  /** KL that the controller of β looks at, nats per episode, and what it steers towards. */
  readonly kl: number;
  readonly klTarget: number;
  /** Of the whole batch's returns, at α, so that iterations compare. */
  readonly cvar: number;
  /** Episodes that have a reward. */
  readonly batch: number;
}

export type AnnealingCause =
  | "lowered"
  | "reached"
  | "held: warm start"
  | "held: few effective episodes"
  | "held: KL over its limit"
  | "held: CVaR falls";

/** What the closed loop made of an iteration. */
export interface AnnealingDecision {
  /** α' of the next iteration. */
  readonly alphaNext: number;
  readonly cause: AnnealingCause;
  /** Effective episodes that the next lower α' would leave. */
  readonly effectiveNext: number;
  /** Slope of CVaR_α an iteration, and its standard error; null: fewer than 3 iterations seen. */
  readonly slope: number | null;
  readonly slopeError: number | null;
}

export type AnnealingSetting = "warmup" | "rho" | "annealing_steps" | "adaptive";

interface AnnealingFacts {
  /** Settings that it reads besides α. */
  readonly reads: (terms: AnnealingTerms) => readonly AnnealingSetting[];
  /**
   * α' at step m of M, in [α, 1], never rising with m; of a closed loop the lowest that it can have
   * come to. Called with sound terms alone.
   */
  readonly alphaAt: (terms: AnnealingTerms, step: number, iterations: number) => number;
  /** First step with α in force, M or more where the run ends before; null: there is none. */
  readonly end: (terms: AnnealingTerms, iterations: number) => number | null;
  /** Steps at which a plot of it bends. */
  readonly corners: (terms: AnnealingTerms, iterations: number) => readonly number[];
  readonly words: {
    /** One sentence, without its full stop. */
    readonly description: string;
    /** α' as a formula. */
    readonly rule: string;
  };
}

export interface PlannedAnnealing extends AnnealingFacts {
  readonly follows: "plan";
}

export interface ClosedLoop extends AnnealingFacts {
  readonly follows: "signals";
  /** α' in force at a step, of what the iterations before it left; null: nothing yet. */
  readonly inForce: (memory: MemoryPart) => number;
  /** The lowest that an α' can have come to so many iterations on, the warm start being over. */
  readonly ahead: (
    terms: AnnealingTerms,
    iterations: number,
    alpha: number,
    steps: number,
  ) => number;
  readonly next: (
    terms: AnnealingTerms,
    step: number,
    iterations: number,
    memory: MemoryPart,
    signals: AnnealingSignals,
  ) => { readonly memory: NonNullable<MemoryPart>; readonly decision: AnnealingDecision };
}

export type Annealing = PlannedAnnealing | ClosedLoop;
