/** The settings of a `risk` section that its measure reads; null: it ignores that one. */
import { annealings } from "./annealing/registry.js";
import type { RiskSchedule } from "./annealing/schedule.js";
import {
  type RiskMeasureName,
  ranksEpisodes,
  riskMeasures,
  usesAlpha,
} from "./measures/registry.js";
import type { OwnSetting, Population, RiskSettings } from "./measures/risk-measure.js";

/** The `risk` section of the configuration. */
export interface RiskSection extends RiskSettings, RiskSchedule {
  readonly measure: RiskMeasureName;
  readonly statistic: "return" | "lambda-return" | "reward" | "prompt-score";
  /** Null: the measure's own. */
  readonly population: Population | null;
  /** Name of a reward component, or `combined`: all of them together. */
  readonly component: string;
  /** λ ≥ 0. */
  readonly component_weight: number;
  readonly ties: "exact" | "kept";
}

/** A measure's own numbers that it reads, by name. */
export type SettingsInForce = Partial<Record<OwnSetting, number | string | null>>;

export interface RiskTerms {
  /** How tables and panels call the measure. */
  readonly label: string;
  readonly alpha: number | null;
  readonly annealing: RiskSection["annealing"] | null;
  readonly warmup: number | null;
  readonly rho: number | null;
  readonly annealing_steps: RiskSection["annealing_steps"];
  readonly adaptive: RiskSection["adaptive"] | null;
  readonly statistic: RiskSection["statistic"] | null;
  /** What the tail is taken over. */
  readonly population: Population;
  readonly ties: RiskSection["ties"] | null;
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
  const reads = scheduled ? annealings[risk.annealing].reads(risk) : [];
  const component = componentInForce(risk);
  return {
    label: words.label,
    alpha: scheduled ? risk.alpha : null,
    annealing: scheduled ? risk.annealing : null,
    warmup: reads.includes("warmup") ? risk.warmup : null,
    rho: reads.includes("rho") ? risk.rho : null,
    annealing_steps: reads.includes("annealing_steps") ? risk.annealing_steps : null,
    adaptive: reads.includes("adaptive") ? risk.adaptive : null,
    statistic: ranksByStatistic(risk) ? risk.statistic : null,
    population: populationInForce(risk),
    ties: keepsTies(risk) ? risk.ties : null,
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

/** Whether `risk.ties` plays a part: where the lowest of a batch get weights, and others none. */
export function keepsTies(
  risk: Pick<RiskSection, "measure" | "population"> & RiskSettings,
): boolean {
  const { answers } = riskMeasures[risk.measure];
  return (
    ranksEpisodes(risk.measure) && answers === "weights" && populationInForce(risk) === "batch"
  );
}
