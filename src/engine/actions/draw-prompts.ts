/** The prompts of an iteration, what the journal says of them, and what their sampler learns of it. */
import type { EventPayload } from "../../journal/events.js";
import type { MemoryPart } from "../../risk/memory.js";
import type { DrawnPrompts, PreparedSampler } from "../../risk/samplers/prompt-sampler.js";
import { weighsImportance } from "../../risk/samplers/registry.js";
import { effectiveSampleSize } from "../../risk/weighted-tail.js";
import { blanked } from "../episodes.js";
import { loadedOf, type TrialContext } from "../trial-context.js";
import { type Batch, rankingOf } from "./select-episodes.js";

type Sampling = NonNullable<Extract<EventPayload, { type: "step" }>["sampling"]>;
type ArmConfig = TrialContext["trial"]["config"];

/** @throws {Error} when the trial does not train: a fault of the engine */
export function samplerOf(context: TrialContext): PreparedSampler {
  const { sampler } = loadedOf(context);
  if (sampler === null) {
    throw new Error(`${context.trial.id} draws no prompts`);
  }
  return sampler;
}

/**
 * @param importance natural weights of the episodes that have a reward
 * @returns undefined where prompts are drawn uniformly, or in fixed parts as they come
 */
export function samplingFigures(
  { sampling }: Pick<ArmConfig, "sampling">,
  { strata }: DrawnPrompts,
  importance: Float64Array,
): Sampling | undefined {
  const weighted = weighsImportance(sampling);
  if (strata.length === 0 || (sampling.strategy === "stratified" && !weighted)) {
    return undefined;
  }
  return {
    shares: strata.map(({ sampled }) => sampled),
    natural: strata.map(({ natural }) => natural),
    effective: effectiveSampleSize(importance),
    largest_weight: importance.reduce((most, own) => Math.max(most, own), 0),
    weighted,
  };
}

/** What the sampler remembers of an iteration; its tail is ranked as the risk measure ranks. */
export function learned(
  { learn }: PreparedSampler,
  { risk }: Pick<ArmConfig, "risk">,
  drawn: DrawnPrompts,
  batch: Batch,
  failed: ReadonlySet<number>,
  at: { readonly step: number; readonly completions: number; readonly memory: MemoryPart },
): MemoryPart {
  if (learn === null) {
    return null;
  }
  const ranking = rankingOf(risk, batch);
  return learn({ drawn, ranking: blanked(ranking, failed), alpha: risk.alpha, ...at });
}
