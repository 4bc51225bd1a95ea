/** One arm's figures, in the user's units, as the record has them. */
import { worst } from "../risk/selection.js";
import { conditionalValueAtRiskOfSorted, tailCount, valueAtRiskOfSorted } from "../risk/tail.js";
import { meansOfBins, quantileBins } from "../stats/binned-means.js";
import type { Interval } from "../stats/intervals.js";
import { armInterval } from "./sampling-error.js";
import {
  type ArmScores,
  type AuditSettings,
  type ByTail,
  byTail,
  intervalInUserUnits,
  inUserUnits,
  sortedArm,
  unitsPresent,
} from "./scores.js";
import { countBelow, exactMean, type Statistic } from "./statistic.js";
import {
  type CvarCertificate,
  cvarCertificate,
  type RateCertificate,
  rateCertificate,
  type VarCertificate,
  varCertificate,
} from "./tail-certificates.js";

const mostBins = 20;
const fewestPerBin = 10;
/** The tail whose KL is told. */
const klTail = 0.1;

export interface ArmFigures {
  /** Scores. */
  readonly n: number;
  /** Rows, or prompts where the audit goes by prompt. */
  readonly units: number;
  readonly mean: number;
  readonly lowest: number;
  readonly highest: number;
  /** The ⌈αn⌉-th worst score. */
  readonly var: ByTail<number>;
  /** Mean of the ⌈αn⌉ worst scores. */
  readonly cvar: ByTail<number>;
  /** ⌈αn⌉ */
  readonly tail_rows: ByTail<number>;
  /** Fraction of scores strictly worse than the threshold; null: no threshold. */
  readonly harm_rate: number | null;
  readonly harmful: number | null;
  /** Null: one unit. */
  readonly ci95: {
    readonly mean: Interval | null;
    readonly cvar: ByTail<Interval | null>;
    readonly harm_rate: Interval | null;
  };
  readonly cvar_lower: ByTail<CvarCertificate>;
  readonly var_lower: ByTail<VarCertificate>;
  readonly harm_rate_upper: RateCertificate | null;
  readonly per_prompt: PerPrompt | null;
  /** Mean score by quantile of the prompt's own score, worst prompts first; null: no prompt scores. */
  readonly by_prompt_score: readonly PromptBin[] | null;
  readonly kl: KlFigures | null;
}

export interface PerPrompt {
  /** Mean over prompts of the worst score of each. */
  readonly mean_worst: number;
  readonly ci95: Interval | null;
  /** Fraction of prompts with a harmful score; null: no threshold. */
  readonly any_harm_rate: number | null;
}

export interface PromptBin {
  /** Middle of the bin, in (0, 1); 0 is the worst prompt. */
  readonly quantile: number;
  readonly prompt_score: number;
  readonly score: number;
  readonly n: number;
}

/** (reward − return)/β, nats per row. */
export interface KlFigures {
  readonly beta: number;
  readonly mean: number;
  readonly ci95: Interval | null;
  /** Of the rows in the tail at 0.1. */
  readonly tail_mean: number;
}

export function armFigures(
  arm: ArmScores,
  cvarIntervals: ByTail<Interval | null>,
  bins: QuantileBins,
  settings: AuditSettings,
): ArmFigures {
  const { scores, sorted } = arm;
  const worst = worstByUnit(arm);
  const units = worst.length;
  const independent = units === scores.length;
  const out = (figure: number): number => inUserUnits(figure, settings);
  const threshold =
    settings.harmThreshold === null ? null : inUserUnits(settings.harmThreshold, settings);
  const harmful = threshold === null ? null : countBelow(scores, threshold);
  const harm: Statistic | null = threshold === null ? null : { kind: "harm", threshold };
  const harmRate = harmful === null ? null : harmful / scores.length;
  const average = exactMean(scores);
  const ends = [sorted[0]!, sorted.at(-1)!].map(out).sort((a, b) => a - b);
  return {
    n: scores.length,
    units,
    mean: out(average),
    lowest: ends[0]!,
    highest: ends[1]!,
    var: byTail((alpha) => out(valueAtRiskOfSorted(sorted, alpha))),
    cvar: byTail((alpha) => out(conditionalValueAtRiskOfSorted(sorted, alpha))),
    tail_rows: byTail((alpha) => tailCount(scores.length, alpha)),
    harm_rate: harmRate,
    harmful,
    ci95: {
      mean: intervalInUserUnits(armInterval(arm, { kind: "mean" }, average), settings),
      cvar: byTail((alpha) =>
        intervalInUserUnits(cvarIntervals[`${alpha}` as keyof typeof cvarIntervals], settings),
      ),
      harm_rate: harm === null ? null : clipped(armInterval(arm, harm, harmRate!), 0, 1),
    },
    cvar_lower: byTail((alpha) => cvarCertificate(sorted, alpha, settings, independent)),
    var_lower: byTail((alpha) => varCertificate(sorted, alpha, settings, independent)),
    harm_rate_upper:
      harmful === null ? null : rateCertificate(harmful, scores.length, settings, independent),
    per_prompt: settings.byPrompt ? perPrompt(worst, threshold, settings) : null,
    by_prompt_score: byPromptScore(arm, bins, settings),
    kl: klOf(arm, settings),
  };
}

/** A rate's interval by Student's t may reach beyond what a rate can be. */
function clipped(interval: Interval | null, low: number, high: number): Interval | null {
  return interval === null ? null : [Math.max(low, interval[0]), Math.min(high, interval[1])];
}

/** The worst score of each unit. */
function worstByUnit(arm: ArmScores): Float64Array {
  const present = unitsPresent(arm);
  const worst = new Float64Array(present.length).fill(Number.POSITIVE_INFINITY);
  arm.scores.forEach((score, at) => {
    const unit = arm.units[at]!;
    if (score < worst[unit]!) worst[unit] = score;
  });
  return worst.filter((_, unit) => present[unit] === 1);
}

function perPrompt(
  scores: Float64Array,
  threshold: number | null,
  settings: AuditSettings,
): PerPrompt {
  const units = Int32Array.from(scores, (_, at) => at);
  const arm = plainArm(scores, units);
  const average = exactMean(scores);
  return {
    mean_worst: inUserUnits(average, settings),
    ci95: intervalInUserUnits(armInterval(arm, { kind: "mean" }, average), settings),
    any_harm_rate: threshold === null ? null : countBelow(scores, threshold) / scores.length,
  };
}

/** Figures of an arm that have their own interval. */
function plainArm(scores: Float64Array, units: Int32Array): ArmScores {
  return sortedArm({ name: "", scores, units, promptScores: null, returns: null });
}

function byPromptScore(
  { scores, promptScores }: ArmScores,
  bins: QuantileBins,
  settings: AuditSettings,
): PromptBin[] | null {
  if (promptScores === null) return null;
  return meansOfBins(bins.of(promptScores), promptScores, scores).map(
    ({ quantile, x, y, count }): PromptBin => ({
      quantile,
      prompt_score: inUserUnits(x, settings),
      score: inUserUnits(y, settings),
      n: count,
    }),
  );
}

/** Arms over the same rows have the same prompt scores, which take a second to sort. */
export class QuantileBins {
  #of: Float64Array | null = null;
  #bins: Uint32Array[] = [];

  of(x: Float64Array): readonly Uint32Array[] {
    const before = this.#of;
    if (
      before === null ||
      x.length !== before.length ||
      x.some((value, at) => value !== before[at])
    ) {
      const count = Math.max(1, Math.min(mostBins, Math.floor(x.length / fewestPerBin)));
      this.#bins = quantileBins(x, count);
      this.#of = x;
    }
    return this.#bins;
  }
}

/** Returns are reward − β·KL: they are given only where higher is better. */
function klOf({ scores, units, returns }: ArmScores, { beta }: AuditSettings): KlFigures | null {
  if (returns === null || beta === null) return null;
  const kl = scores.map((score, at) => (score - returns[at]!) / beta);
  const average = exactMean(kl);
  const arm = plainArm(kl, units);
  const tail = worst(scores, tailCount(scores.length, klTail));
  return {
    beta,
    mean: average,
    ci95: armInterval(arm, { kind: "mean" }, average),
    tail_mean: exactMean(Float64Array.from(tail, (at) => kl[at]!)),
  };
}
