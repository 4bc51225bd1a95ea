/** A batch's figures, as the journal has them: as drawn, or weighted back to the natural mix of prompts. */
import type { EventPayload } from "../../journal/events.js";
import { tailFigures, weightedMean } from "../../risk/weighted-tail.js";
import { mean } from "../../stats/intervals.js";
import { type EpisodeArrays, taken } from "../episodes.js";

type BatchFigures = Pick<
  Extract<EventPayload, { type: "step" }>,
  "reward_mean" | "return_mean" | "cvar" | "var" | "tail_mean" | "kl_mean"
>;

/**
 * @param scored episodes that have a reward: the others are in no figure
 * @param weights of the risk measure, of all episodes
 * @param alpha the target α
 * @param importance what each episode counts, of all episodes; null: all alike
 */
export function batchFigures(
  { rewards, returns, kl }: Pick<EpisodeArrays, "rewards" | "returns" | "kl">,
  scored: Uint32Array,
  weights: Float32Array,
  alpha: number,
  importance: Float64Array | null,
): BatchFigures {
  const own = taken(returns, scored);
  if (importance === null) {
    return {
      reward_mean: mean(taken(rewards, scored)),
      return_mean: mean(own),
      ...tailFigures(own, alpha, null),
      tail_mean: mean(returns.filter((_, episode) => weights[episode]! > 0)),
      kl_mean: mean(taken(kl, scored)),
    };
  }
  const counts = Float64Array.from(scored, (episode) => importance[episode]!);
  const kept = scored.filter((episode) => weights[episode]! > 0);
  return {
    reward_mean: weightedMean(taken(rewards, scored), counts),
    return_mean: weightedMean(own, counts),
    ...tailFigures(own, alpha, counts),
    tail_mean: weightedMean(
      taken(returns, kept),
      Float64Array.from(kept, (episode) => importance[episode]!),
    ),
    kl_mean: weightedMean(taken(kl, scored), counts),
  };
}
