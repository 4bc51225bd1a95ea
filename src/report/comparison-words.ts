/** What a paired difference is worth, in words that claim no more than the interval does. */
import { decisionLevel } from "../analysis/conclusion.js";
import type { Comparison, Power } from "../analysis/evaluation.js";
import { formatCount, formatNumber, formatSigned, type NumberStyle } from "../text/numbers.js";
import { metricColumnOf } from "./metric-columns.js";

export type Verdict = "better" | "worse" | "undecided" | "unknown";

/** Of A against B; only a p-value over seeds decides, corrected for how many were tested. */
export function verdictOf(comparison: Comparison): Verdict {
  const { difference, p_holm, metric } = comparison;
  if (difference === null) {
    return "unknown";
  }
  if (p_holm === null || p_holm >= decisionLevel) {
    return "undecided";
  }
  return difference > 0 === (metricColumnOf(metric)?.better !== "lower") ? "better" : "worse";
}

/** `+0.61 [+0.35, +0.88] better` · `+0.12, one seed: undecided` · `no common range` */
export function comparisonText(comparison: Comparison, style: NumberStyle): string {
  const verdict = verdictOf(comparison);
  if (verdict === "unknown") {
    return "no common range";
  }
  const { ci95, seeds, difference } = comparison;
  const figure = signedFigure(difference, comparison.metric, style);
  if (ci95 !== null) {
    return `${figure} ${intervalText(ci95, comparison.metric, style)} ${verdict}`;
  }
  const prompts =
    comparison.ci95_prompts === null
      ? ""
      : ` (over prompts ${intervalText(comparison.ci95_prompts, comparison.metric, style)})`;
  return `${figure}${prompts}, ${seeds === 1 ? "one seed" : "no interval"}: ${verdict}`;
}

/**
 * Where the two curves were read. At equal KL the difference is a mean over the upper half of the
 * common range (`analysis/equal-cost.ts`). Empty where there is no one place.
 */
export function placeText({ at, where }: Comparison, style: NumberStyle): string {
  if (where === null || at === "equal-iterations") {
    return "";
  }
  return at === "equal-kl"
    ? `KL ${formatNumber(where / 2, 1, style)} to ${formatNumber(where, 1, style)} nats`
    : `${formatCount(where)} tokens`;
}

/** `p 0.004, after Holm 0.02, d_z 2.1`; empty with one seed. */
export function testText(
  { p, p_holm, effect_size }: Pick<Comparison, "p" | "p_holm" | "effect_size">,
  style: NumberStyle,
): string {
  if (p === null) {
    return "";
  }
  const holm = p_holm === null ? "" : `, after Holm ${probabilityText(p_holm)}`;
  const effect = effect_size === null ? "" : `, d_z ${formatSigned(effect_size, 1, style)}`;
  return `p ${probabilityText(p)}${holm}${effect}`;
}

export function probabilityText(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(p < 0.1 ? 3 : 2);
}

/**
 * How many seeds a difference as large as the one found asks for; empty where none was found.
 *
 * @param metric whose unit and digits the difference is in
 */
export function powerText({ difference, seeds_needed }: Power, metric: string): string {
  if (seeds_needed === null) {
    return "";
  }
  const size = figureText(difference, metric, { unicode: true });
  return `to see a difference of ${size} with 80 % power, ${formatSeeds(seeds_needed)} are needed`;
}

/** A metric's value in its unit and digits. */
export function figureText(value: number, metric: string, style: NumberStyle): string {
  const column = metricColumnOf(metric);
  return formatNumber(value * (column?.factor ?? 1), column?.digits ?? 2, style);
}

function formatSeeds(seeds: number): string {
  return seeds > 1000 ? "over 1000 seeds" : `${seeds} seeds`;
}

function signedFigure(value: number | null, metric: string, style: NumberStyle): string {
  const column = metricColumnOf(metric);
  const scaled = value === null ? null : value * (column?.factor ?? 1);
  return formatSigned(scaled, column?.digits ?? 2, style);
}

function intervalText(
  [low, high]: readonly [number, number],
  metric: string,
  style: NumberStyle,
): string {
  return `[${signedFigure(low, metric, style)}, ${signedFigure(high, metric, style)}]`;
}
