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
