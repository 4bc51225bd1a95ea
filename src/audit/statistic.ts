/** The figures that have intervals: their values, and how much each score moves them. */
import { conditionalValueAtRiskOfSorted, tailCount, valueAtRiskOfSorted } from "../risk/tail.js";
import type { ArmScores } from "./scores.js";

/** Of scores whose bad side is low. */
export type Statistic =
  | { readonly kind: "mean" }
  | { readonly kind: "cvar"; readonly alpha: number }
  /** Fraction of scores strictly under the threshold. */
  | { readonly kind: "harm"; readonly threshold: number };

export function statisticValue(statistic: Statistic, arm: ArmScores): number {
  switch (statistic.kind) {
    case "mean":
      return exactMean(arm.scores);
    case "cvar":
      return conditionalValueAtRiskOfSorted(arm.sorted, statistic.alpha);
    case "harm":
      return countBelow(arm.scores, statistic.threshold) / arm.scores.length;
  }
}

/** With what each addition rounds off (Neumaier 1974): equal scores differ from their mean by an ulp. */
export function exactMean(values: Float64Array): number {
  let sum = 0;
  let lost = 0;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at]!;
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return (sum + lost) / values.length;
}

export function countBelow(scores: Float64Array, threshold: number): number {
  let count = 0;
  for (let at = 0; at < scores.length; at += 1) if (scores[at]! < threshold) count += 1;
  return count;
}

/**
 * Empirical influence of each score, so that the figure of a sample that weighs score i by w_i is,
 * to first order, the figure plus Σ (w_i − 1)·influence_i / n; their mean is 0. For CVaR_α with
 * q = VaR_α: q − (q − x)₊/α − CVaR_α (Rockafellar & Uryasev 2000 and the delta method).
 */
export function influences(statistic: Statistic, { scores, sorted }: ArmScores): Float64Array {
  const raw = new Float64Array(scores.length);
  switch (statistic.kind) {
    case "mean":
      raw.set(scores);
      break;
    case "harm":
      for (let i = 0; i < raw.length; i += 1) raw[i] = scores[i]! < statistic.threshold ? 1 : 0;
      break;
    case "cvar": {
      const quantile = valueAtRiskOfSorted(sorted, statistic.alpha);
      // ⌈αn⌉/n, not α: what the figure itself divides by.
      const fraction = tailCount(scores.length, statistic.alpha) / scores.length;
      for (let i = 0; i < raw.length; i += 1) {
        raw[i] = -Math.max(0, quantile - scores[i]!) / fraction;
      }
    }
  }
  const centre = exactMean(raw);
  for (let i = 0; i < raw.length; i += 1) raw[i]! -= centre;
  return raw;
}
