/** Arms known by name: what each changes of the experiment's own sections. */
import type { Tree } from "./key-path.js";
import type { ArmConfig } from "./schema.js";

export interface ArmPreset {
  readonly stage: ArmConfig["stage"];
  readonly changes: Tree;
  readonly description: string;
}

export const armPresets: Readonly<Record<string, ArmPreset>> = {
  base: { stage: "base", changes: {}, description: "the model as loaded, evaluated only" },
  sft: { stage: "sft", changes: {}, description: "after supervised fine-tuning on the good class" },
  rlhf: {
    stage: "rl",
    changes: { risk: { measure: "mean" } },
    description: "SFT, then risk-neutral PPO: every episode counts",
  },
  // The experiment's own `risk` section (cvar by default), so that `--set risk.measure=…` reaches it.
  "ra-rlhf": {
    stage: "rl",
    changes: {},
    description: "SFT, then risk-averse PPO with the experiment's risk measure",
  },
  "random-drop": {
    stage: "rl",
    changes: { risk: { measure: "random-drop" } },
    description: "control: drops as many episodes as ra-rlhf, but at random",
  },
};
