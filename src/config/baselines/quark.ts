import type { ArmPreset } from "./arm-preset.js";

/**
 * Reward conditioning in the manner of Quark (Lu et al. 2022, arXiv 2205.13636): likelihood after a
 * text that names the quantile of the return, with the exact KL to the reference in the loss. What
 * differs from Quark is in docs/baselines.md.
 */
export const quark: ArmPreset = {
  stage: "rl",
  changes: {
    risk: { measure: "mean" },
    training: { algorithm: "quark" },
    kl: { form: "loss", loss: "exact" },
  },
  description: "SFT, then learning after texts that name each episode's quantile of the returns",
};
