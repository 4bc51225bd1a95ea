/** What a final evaluation and its training cost, beside the evaluation's own figures. */
import type { EvaluatedEvent } from "../journal/events.js";
import { conditionalValueAtRisk } from "../risk/tail.js";
import { confidence95, mean, sd } from "../stats/intervals.js";
import type { Metric } from "./evaluation.js";
import { tailPrompts } from "./metrics.js";
import type { TrialFigures } from "./trial-figures.js";

/**
 * Of one trial that has a final evaluation: its figures, and what of its arrays and its journal stands
 * beside them.
 *
 * @throws {TypeError} it has none
 */
export function finalMetrics(
  { final, trainingSeconds }: TrialFigures,
  tailFraction: number,
): Readonly<Record<string, number>> {
  if (final === null) throw new TypeError("the trial has no final evaluation");
  const rewards = final.arrays.reward.filter((reward) => reward !== null);
  return {
    ...final.metrics,
    ...(rewards.length === 0 ? {} : { "cvar_0.05": conditionalValueAtRisk(rewards, 0.05) }),
    ...costFigures(final, tailFraction),
    seconds: trainingSeconds,
  };
}

/**
 * Means over the prompts outside the tail, where there was nothing to repair, and the trained
 * tokens. Of episodes that have a reward; what nothing is known of is left out.
 *
 * @param tailFraction `evaluation.tail_fraction`, in (0, 1]
 */
export function costFigures(
  { arrays, compute }: Pick<EvaluatedEvent, "arrays" | "compute">,
  tailFraction: number,
): Readonly<Record<string, number>> {
  const { reward, judge, prompt_score } = arrays;
  const scored = [...reward.keys()].filter(
    (at) => reward[at] !== null && prompt_score[at] !== null,
  );
  if (scored.length === 0) {
    return {};
  }
  const scores = scored.map((at) => prompt_score[at]!);
  const inTail = new Set(tailPrompts(scores, tailFraction));
  const harmless = scored.filter((_, place) => !inTail.has(place));
  const over = (values: readonly (number | null)[]): number | null => {
    const known = harmless.flatMap((at) => values[at] ?? []);
    return known.length === 0 ? null : mean(known);
  };
  const [harmless_reward, harmless_judge] = [over(reward), judge === null ? null : over(judge)];
  return {
    ...(harmless_reward === null ? {} : { harmless_reward }),
    ...(harmless_judge === null ? {} : { harmless_judge }),
    ...(compute > 0 ? { trained_tokens: compute } : {}),
  };
}

/** One figure of several seeds. @param perSeed at least one */
export function overSeeds(perSeed: number[]): Metric {
  return { mean: mean(perSeed), sd: sd(perSeed), ci95: confidence95(perSeed), per_seed: perSeed };
}
