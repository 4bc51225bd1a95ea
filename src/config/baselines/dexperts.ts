import type { ArmPreset } from "./arm-preset.js";

/**
 * DExperts (Liu et al. 2021, arXiv 2105.03023): logits z + a·(z_expert − z_anti) over the nucleus of
 * the untrained policy; expert and anti-expert are language models of good and of bad texts.
 */
export const dexperts: ArmPreset = {
  stage: "decode",
  changes: {},
  description:
    "the model after SFT, steered by the logits of `decoding.expert` and `decoding.anti_expert`, which must be set",
};
