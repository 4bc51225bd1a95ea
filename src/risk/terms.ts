/** The settings of a `risk` section that its measure reads; null: it ignores that one. */
import {
  type RiskMeasureName,
  ranksEpisodes,
  riskMeasures,
  usesAlpha,
} from "./measures/registry.js";
import type { OwnSetting, Population, RiskSettings } from "./measures/risk-measure.js";

/** The `risk` section of the configuration. */
export interface RiskSection extends RiskSettings {
  readonly measure: RiskMeasureName;
  readonly schedule: "soft" | "constant";
  /** n. */
  readonly warmup: number;
  /** ρ. */
  readonly rho: number;
  readonly statistic: "return" | "lambda-return" | "reward" | "prompt-score";
  /** Null: the measure's own. */
  readonly population: Population | null;
  /** Name of a reward component, or `combined`: all of them together. */
  readonly component: string;
  /** λ ≥ 0. */
  readonly component_weight: number;
}

/** A measure's own numbers that it reads, by name. */
export type SettingsInForce = Partial<Record<OwnSetting, number | string | null>>;

export interface RiskTerms {
  /** How tables and panels call the measure. */
  readonly label: string;
  readonly alpha: number | null;
  readonly schedule: RiskSection["schedule"] | null;
  readonly warmup: number | null;
  readonly rho: number | null;
  readonly statistic: RiskSection["statistic"] | null;
  /** What the tail is taken over. */
  readonly population: Population;
  /** Reward component that it acts on alone; null: all together. */
  readonly component: string | null;
  /** λ of that component. */
  readonly component_weight: number | null;
  readonly settings: SettingsInForce;
}

/** Whatever is shown of an arm's risk is shown from this: no one reads a setting not in force. */
export function riskTerms(risk: RiskSection): RiskTerms {
  const { settings, words } = riskMeasures[risk.measure];
  const scheduled = usesAlpha(risk.measure);
  const annealed = scheduled && risk.schedule === "soft";
  const component = componentInForce(risk);
  return {
    label: words.label,
    alpha: scheduled ? risk.alpha : null,
    schedule: scheduled ? risk.schedule : null,
    warmup: annealed ? risk.warmup : null,
    rho: annealed ? risk.rho : null,
    statistic: ranksByStatistic(risk) ? risk.statistic : null,
    population: populationInForce(risk),
    component,
    component_weight: component !== null && weighsComponent(risk) ? risk.component_weight : null,
    settings: Object.fromEntries(settings.map((name) => [name, risk[name]])),
  };
}

/** What the tail is taken over. Where every episode counts alike, that plays no part. */
export function populationInForce(
  risk: Pick<RiskSection, "measure" | "population"> & RiskSettings,
): Population {
  const { populations, isMean } = riskMeasures[risk.measure];
  return risk.population === null || isMean(risk) ? populations[0] : risk.population;
}

/** Null: the measure acts on all components together, or on each of them. */
export function componentInForce({
  measure,
  component,
}: Pick<RiskSection, "measure" | "component">): string | null {
  const plays = riskMeasures[measure].component !== "none";
  return plays && component !== allComponents ? component : null;
}

/** Of `risk.component`. */
export const allComponents = "combined";

/** A cost has its multiplier in λ's place. */
export function weighsComponent({ measure }: Pick<RiskSection, "measure">): boolean {
  return riskMeasures[measure].component === "optional";
}

/** Whether `risk.statistic` plays a part: one component is ranked by what it adds to the reward. */
export function ranksByStatistic(risk: Pick<RiskSection, "measure" | "component">): boolean {
  return ranksEpisodes(risk.measure) && componentInForce(risk) === null;
}
