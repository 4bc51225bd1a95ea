/**
 * Every risk measure under its name in the configuration (`risk.measure`), and what follows from
 * its entry. A measure is one file of this folder; `npm run generate` lists it in all.ts.
 */
import { allMeasures } from "./all.js";
import type { RiskMeasure, RiskRole } from "./risk-measure.js";

const measures = allMeasures satisfies Readonly<Record<string, RiskMeasure>>;
const roles: readonly RiskRole[] = ["neutral", "averse", "control"];

/** In the order in which they are listed: by role, then by name. */
export const riskMeasures = Object.fromEntries(
  roles.flatMap((role) => Object.entries(measures).filter(([, own]) => own.role === role)),
) as unknown as Readonly<typeof measures>;

export type RiskMeasureName = keyof typeof riskMeasures;

export const riskMeasureNames = Object.keys(riskMeasures) as readonly RiskMeasureName[];

/** α and its schedule play a part. */
export function usesAlpha(measure: RiskMeasureName): boolean {
  return riskMeasures[measure].uses.alpha;
}

/** `risk.statistic`, which the episodes are ranked by, plays a part. */
export function ranksEpisodes(measure: RiskMeasureName): boolean {
  return riskMeasures[measure].uses.statistic;
}
