/** The texts that may stand before a trial's prompts, and which of them its policy is sampled after. */
import type { ArmConfig } from "../../config/schema/experiment.js";
import { quantileTexts } from "../../risk/reward-quantiles.js";

export function conditionTexts({ stage, training, decoding }: ArmConfig): string[] {
  if (stage === "decode") {
    return decoding.instruction === null ? [] : [decoding.instruction];
  }
  return stage === "rl" && training.algorithm === "quark" ? quantileTexts(training.quantiles) : [];
}

/** Its place: the instruction, or the best quantile; null: none. */
export function sampledCondition(arm: ArmConfig): number | null {
  const texts = conditionTexts(arm);
  return texts.length === 0 ? null : texts.length - 1;
}
