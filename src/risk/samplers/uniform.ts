import { requireInteger } from "../../stats/checks.js";
import type { PromptSampler } from "./prompt-sampler.js";
import { promptWalk } from "./prompt-walk.js";

/** Walks through a fresh permutation of all prompts every epoch. */
export const uniformSampler: PromptSampler = {
  reads: [],
  needsScores: false,
  drawsHardMore: false,
  importance: "off",
  description: "every prompt once, in a fresh order, before any comes again",
  prepare: ({ ids }, _settings, seed) => {
    const walk = promptWalk(ids, seed, "prompts");
    return {
      draw: ({ batch, step }) => {
        requireInteger(batch, "batch", 1);
        requireInteger(step, "step", 0);
        return {
          prompts: walk(step * batch, batch),
          hard: 0,
          isHard: new Uint8Array(batch),
          naturalWeights: new Float64Array(batch).fill(1),
          strata: [],
          part: new Uint32Array(batch),
        };
      },
      learn: null,
    };
  },
};
