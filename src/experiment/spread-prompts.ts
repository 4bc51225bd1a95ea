import { worst } from "../domain/selection.js";
import type { Prompts } from "./trial-context.js";

/**
 * `count` prompts evenly spread over the ranks of prompt score, in the set's own order; all of
 * them where there are no more. The same for every arm: evaluations are paired by prompt.
 */
export function spreadPrompts(prompts: Prompts, count: number): Prompts {
  const total = prompts.ids.length;
  if (count >= total) {
    return prompts;
  }
  const byScore = worst(prompts.scores, total);
  const chosen = Uint32Array.from(
    { length: count },
    (_, index) => byScore[Math.floor(((index + 0.5) * total) / count)]!,
  ).sort();
  return {
    ids: chosen.map((index) => prompts.ids[index]!),
    scores: Float32Array.from(chosen, (index) => prompts.scores[index]!),
  };
}
