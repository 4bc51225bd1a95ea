import type { ArmConfig } from "../config/schema/experiment.js";

/**
 * What an RL arm stands for in comparisons. Risk-averse: it weighs episodes by their badness or
 * draws hard prompts more often. Risk-neutral: it does neither, random-drop included, which drops
 * episodes without looking at them. Names play no part. Null: no RL arm.
 */
export type RiskRole = "neutral" | "averse" | null;

export function riskRole({ stage, risk, sampling }: ArmConfig): RiskRole {
  if (stage !== "rl") {
    return null;
  }
  const weighs =
    (risk.measure === "cvar" && risk.alpha < 1) ||
    (risk.measure === "cvar-gradient" && risk.alpha < 1) ||
    (risk.measure === "mean-cvar" && risk.alpha < 1 && risk.mixture > 0) ||
    risk.measure === "entropic";
  return weighs || sampling.strategy === "stratified" ? "averse" : "neutral";
}

/** Drops episodes at random: a control for the effect of smaller updates, not a baseline. */
export function isControl({ risk }: ArmConfig): boolean {
  return risk.measure === "random-drop";
}
