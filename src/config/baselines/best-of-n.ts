import type { ArmPreset } from "./arm-preset.js";

/**
 * Best-of-n: n completions of the untrained policy, the one with the highest reward counts (Stiennon
 * et al. 2020, arXiv 2009.01325). Its KL from that policy is at most ln n − (n − 1)/n (Beirami et
 * al. 2024, arXiv 2401.01879), so that it is a frontier for every training method.
 */
export const bestOfN: ArmPreset = {
  stage: "decode",
  changes: { decoding: { best_of: 4 } },
  description:
    "the model after SFT, evaluated on the best by reward of `decoding.best_of` (4) completions",
};
