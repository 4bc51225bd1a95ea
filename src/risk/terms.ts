/** The settings of a `risk` section that its measure reads; null: it ignores that one. */
import {
  type RiskMeasureName,
  ranksEpisodes,
  riskMeasures,
  usesAlpha,
} from "./measures/registry.js";
import type { RiskSettings } from "./measures/risk-measure.js";

/** The `risk` section of the configuration. */
export interface RiskSection extends RiskSettings {
  readonly measure: RiskMeasureName;
  readonly schedule: "soft" | "constant";
  /** n. */
  readonly warmup: number;
  /** ρ. */
  readonly rho: number;
  readonly statistic: "return" | "lambda-return" | "reward" | "prompt-score";
}

export interface RiskTerms {
  /** How tables and panels call the measure. */
  readonly label: string;
  readonly alpha: number | null;
  readonly schedule: RiskSection["schedule"] | null;
  readonly warmup: number | null;
  readonly rho: number | null;
  readonly statistic: RiskSection["statistic"] | null;
  readonly mixture: number | null;
  readonly temperature: number | null;
}

/** Whatever is shown of an arm's risk is shown from this: no one reads a setting not in force. */
export function riskTerms(risk: RiskSection): RiskTerms {
  const { ownSettings, words } = riskMeasures[risk.measure];
  const scheduled = usesAlpha(risk.measure);
  const annealed = scheduled && risk.schedule === "soft";
  return {
    label: words.label,
    alpha: scheduled ? risk.alpha : null,
    schedule: scheduled ? risk.schedule : null,
    warmup: annealed ? risk.warmup : null,
    rho: annealed ? risk.rho : null,
    statistic: ranksEpisodes(risk.measure) ? risk.statistic : null,
    mixture: ownSettings.includes("mixture") ? risk.mixture : null,
    temperature: ownSettings.includes("temperature") ? risk.temperature : null,
  };
}
