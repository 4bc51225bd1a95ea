import { cvar } from "./cvar.js";
import type { WeighingMeasure } from "./risk-measure.js";

/**
 * The paper's rule within each prompt: the worst ⌈α'n⌉ of its n completions, so that no prompt drops
 * out because it is easy, nor fills the tail because it is hard (the within-group tail of
 * risk-conditioned fine-tuning, 2026). What is learned is to avoid a prompt's bad completions.
 */
export const worstOfGroup: WeighingMeasure = {
  ...cvar,
  populations: ["prompt"],
  words: {
    label: "worst of group",
    description: "trains on the worst fraction α of each prompt's completions alone, each alike",
    rule: "the lowest ⌈α'n⌉ of a prompt's n completions 1, the others 0",
    follows: "the mean's update on each prompt's tail alone, which is held fixed",
  },
};
