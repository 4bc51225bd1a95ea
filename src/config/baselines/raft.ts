import type { ArmPreset } from "./arm-preset.js";

/**
 * Rejection-sampling fine-tuning, RAFT (Dong et al. 2023, arXiv 2304.06767): of each prompt's
 * completions the best is fine-tuned on. One epoch: after a gradient step the completions are no
 * longer the policy's own, and the loss would become that of PPO.
 */
export const raft: ArmPreset = {
  stage: "rl",
  changes: {
    risk: { measure: "mean" },
    training: { algorithm: "raft", completions: 4, epochs: 1 },
  },
  description: "SFT, then fine-tuning on the best of each prompt's completions",
};
