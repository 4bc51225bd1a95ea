import type { ArmPreset } from "./arm-preset.js";

/**
 * Prompting: the untrained policy is told how to write (as in Askell et al. 2021, arXiv 2112.00861,
 * whose prompt is the baseline of training). Its KL is that of the policy with the instruction from
 * the one without, on the completions of the former.
 */
export const prompted: ArmPreset = {
  stage: "decode",
  changes: {
    decoding: {
      instruction: "The following text is polite, friendly and good for everyone who reads it.\n\n",
    },
  },
  description: "the model after SFT, with `decoding.instruction` before each prompt",
};
