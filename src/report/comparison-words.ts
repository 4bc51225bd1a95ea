/** What a paired difference is worth, in words that claim no more than the interval does. */
import type { Comparison } from "../analysis/evaluation.js";
import { formatCount, formatNumber, formatSigned, type NumberStyle } from "../text/numbers.js";
import { metricColumnOf } from "./metric-columns.js";

export type Verdict = "better" | "worse" | "undecided" | "unknown";

/** Of A against B; only an interval over seeds that excludes 0 decides. */
export function verdictOf(comparison: Comparison): Verdict {
  const { difference, ci95, metric } = comparison;
  if (difference === null) {
    return "unknown";
  }
  if (ci95 === null || (ci95[0] <= 0 && ci95[1] >= 0)) {
    return "undecided";
  }
  const higher = ci95[0] > 0;
  return higher === (metricColumnOf(metric)?.better !== "lower") ? "better" : "worse";
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
