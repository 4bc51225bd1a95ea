/** The prompt samplers under their names in the configuration (`sampling.strategy`). */
import { crossEntropySampler } from "./cross-entropy.js";
import type { PromptSampler } from "./prompt-sampler.js";
import { replaySampler } from "./replay.js";
import { stratifiedSampler } from "./stratified.js";
import { uniformSampler } from "./uniform.js";

export const promptSamplers = {
  uniform: uniformSampler,
  stratified: stratifiedSampler,
  "cross-entropy": crossEntropySampler,
  replay: replaySampler,
} as const satisfies Readonly<Record<string, PromptSampler>>;

export type SamplingStrategy = keyof typeof promptSamplers;

export const samplingStrategies = Object.keys(promptSamplers) as readonly SamplingStrategy[];

/**
 * Whether episodes are weighted back to the natural mix of prompts, in the tail, the update and the
 * figures: the sampler then changes how well the objective is estimated, not what it is.
 */
export function weighsImportance(sampling: {
  readonly strategy: SamplingStrategy;
  readonly importance: "off" | "weights" | null;
}): boolean {
  return (sampling.importance ?? promptSamplers[sampling.strategy].importance) === "weights";
}

/** Whether the objective itself is a mean over more hard prompts than the data has. */
export function favoursHardPrompts(sampling: Parameters<typeof weighsImportance>[0]): boolean {
  return promptSamplers[sampling.strategy].drawsHardMore && !weighsImportance(sampling);
}
