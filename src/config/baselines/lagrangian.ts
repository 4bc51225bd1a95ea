import type { ArmPreset } from "./arm-preset.js";

/**
 * PPO-Lagrangian (Ray et al. 2019; of language models Dai et al. 2023, arXiv 2310.12773): one
 * reward component is a cost whose mean is held at a limit by a multiplier that training raises.
 */
export const lagrangian: ArmPreset = {
  stage: "rl",
  changes: { risk: { measure: "mean-cost" } },
  description:
    "SFT, then PPO with the mean of `risk.component` held at `risk.limit` by a multiplier; the component must be set",
};
