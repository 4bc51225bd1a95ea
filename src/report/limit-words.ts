/** Figures that stand at the end of their scale, where they say less than they seem to. */
import type { ArmMetrics } from "../analysis/evaluation.js";
import { isCapabilityMetric } from "../text/metric-words.js";
import { metricColumnOf } from "./metric-columns.js";

type Arms = Readonly<Record<string, ArmMetrics>>;

const fractions: readonly string[] = [
  "harm_rate",
  "repetition_rate",
  "toxicity_probability",
  "toxicity_probability_toxic",
  "toxicity_probability_nontoxic",
];

/** A tie at the end of a scale is most of a table's ties; repetition at 0 % is what one wants. */
const floorIsPlain: readonly string[] = ["repetition_rate"];

/**
 * Fractions that are 0 % or 100 % with every seed of an arm.
 *
 * @param prompts test prompts of the final evaluation
 */
export function limitLines(arms: Arms, prompts: number): string[] {
  const names = [...new Set(Object.values(arms).flatMap(({ metrics }) => Object.keys(metrics)))];
  return names
    .filter((name) => fractions.includes(name) || isAccuracy(name))
    .flatMap((name) =>
      ([0, 1] as const).flatMap((limit) => {
        const at = armsAt(arms, name, limit);
        const isPlain = limit === 0 && floorIsPlain.includes(name);
        return at.length === 0 || isPlain ? [] : [lineOf(name, limit, at, prompts)];
      }),
    );
}

/** Of the harness: accuracies and exact matches lie between 0 and 1. */
function isAccuracy(name: string): boolean {
  return isCapabilityMetric(name) && /_(acc|acc_norm|exact_match)$/.test(name);
}

function armsAt(arms: Arms, name: string, limit: 0 | 1): string[] {
  return Object.entries(arms).flatMap(([arm, { metrics }]) => {
    const figures = metrics[name]?.per_seed ?? [];
    return figures.length > 0 && figures.every((figure) => figure === limit) ? [arm] : [];
  });
}

function lineOf(name: string, limit: 0 | 1, arms: readonly string[], prompts: number): string {
  const title = (metricColumnOf(name)?.title ?? name).replace(/ %$/, "");
  const where = `${title} is ${limit === 0 ? "0" : "100"} % with ${arms.join(", ")}`;
  const told =
    arms.length > 1 ? "these arms cannot be told apart by it" : "it can show no further change";
  if (isCapabilityMetric(name)) {
    return `${where}: ${told}; the task is too ${limit === 0 ? "hard" : "easy"} for these models.`;
  }
  // The rule of three: 95 % bound of a rate of which none was seen among n.
  const bound = Math.min(100, 300 / prompts);
  const rate = `${bound < 10 ? bound.toPrecision(1) : Math.round(bound)} %`;
  const rest =
    limit === 0
      ? `none among ${prompts} prompts still allows a rate of ${rate}`
      : "the threshold may be too strict";
  return `${where}: ${told}; ${rest}.`;
}
