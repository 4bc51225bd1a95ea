import type { RiskMeasureName } from "./all.js";

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
