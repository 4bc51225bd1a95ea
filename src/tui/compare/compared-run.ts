import type { Scale } from "../../analysis/comparability.js";
import type { Metric } from "../../analysis/evaluation.js";
import type { Point } from "../../stats/interpolation.js";

/** One arm of a run, as the comparison screen shows it. */
export interface ComparedRunArm {
  readonly arm: string;
  readonly seeds: readonly number[];
  readonly metrics: Readonly<Record<string, Metric>>;
  /** What the figures are measured by. */
  readonly scale: Scale;
  /** Mean reward by quantile of the prompt's own score, mean over seeds; empty: not known. */
  readonly curve: readonly Point[];
}

export interface ComparedRun {
  readonly id: string;
  /** Empty: the run has none yet, and `problem` says so. */
  readonly arms: readonly ComparedRunArm[];
  /** What the run itself concluded, in plain lines. */
  readonly conclusion: readonly string[];
  /** Fraction of the prompts, worst first, that the tail reward is taken over. */
  readonly tailFraction: number | null;
  /** Why there is nothing to show of it. */
  readonly problem: string | null;
}
