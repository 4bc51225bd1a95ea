import { cvar } from "./cvar.js";
import { cvarGradient } from "./cvar-gradient.js";
import { entropic } from "./entropic.js";
import { mean } from "./mean.js";
import { meanCvar } from "./mean-cvar.js";
import { randomDrop } from "./random-drop.js";
import type { RiskMeasure } from "./risk-measure.js";

export type RiskMeasureName =
  | "mean"
  | "cvar"
  | "cvar-gradient"
  | "mean-cvar"
  | "entropic"
  | "random-drop";

/** Every measure under its name in the configuration (`risk.measure`). */
export const riskMeasures: Readonly<Record<RiskMeasureName, RiskMeasure>> = {
  mean,
  cvar,
  "cvar-gradient": cvarGradient,
  "mean-cvar": meanCvar,
  entropic,
  "random-drop": randomDrop,
};

/** Which ⌈α'B⌉ episodes a measure singles out. `none`: it weighs the whole batch by one rule. */
type SingledOut = "lowest" | "drawn" | "none";

const singledOut: Readonly<Record<RiskMeasureName, SingledOut>> = {
  mean: "none",
  cvar: "lowest",
  "cvar-gradient": "lowest",
  "mean-cvar": "lowest",
  entropic: "none",
  "random-drop": "drawn",
};

/** α and its schedule play a part. */
export function usesAlpha(measure: RiskMeasureName): boolean {
  return singledOut[measure] !== "none";
}

/** `risk.statistic`, which the episodes are ranked by, plays a part. */
export function ranksEpisodes(measure: RiskMeasureName): boolean {
  return singledOut[measure] === "lowest";
}
