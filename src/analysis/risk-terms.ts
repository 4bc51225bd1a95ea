/** An arm's risk, spelt out: everything one must know to compute the same tail elsewhere. */
import type { ArmConfig, RiskConfig } from "../config/schema/experiment.js";
import { annealingEnd } from "../risk/annealing/schedule.js";
import { usesAlpha } from "../risk/measures/registry.js";

export interface RiskTerms {
  measure: RiskConfig["measure"];
  /** α. */
  alpha: number;
  population: string;
  statistic: RiskConfig["statistic"];
  statistic_meaning: string;
  kl_in_statistic: boolean;
  kl_in_return: boolean;
  ties: string;
  rounding: string;
  schedule: RiskConfig["schedule"];
  /** n. */
  warmup: number;
  /** ρ. */
  rho: number;
  /** M. */
  iterations: number;
  /** First iteration, from 0, with α in force; null: the measure knows no α. */
  alpha_from_iteration: number | null;
  weighting: string;
  /** Null where the measure has none. */
  mixture: number | null;
  temperature: number | null;
  whitening: string;
  failed_rewards: string;
}

const statistics: Readonly<
  Record<RiskConfig["statistic"], { readonly meaning: string; readonly kl: boolean }>
> = {
  return: { meaning: "R̄ = Σ γᵗ r̄ₜ, of the transformed reward and the KL penalty", kl: true },
  "lambda-return": {
    meaning: "GAE advantage + value at the first generated token, of the same dense rewards",
    kl: true,
  },
  reward: { meaning: "raw reward of prompt and completion", kl: false },
  "prompt-score": { meaning: "the reward model's raw score of the prompt alone", kl: false },
};

const weightings: Readonly<Record<RiskConfig["measure"], string>> = {
  mean: "every episode 1",
  cvar: "the lowest ⌈α'B⌉ episodes 1, the others 0",
  "cvar-gradient": "∝ (q − R̄)⁺ on the lowest ⌈α'B⌉ episodes, q the highest return among them",
  "mean-cvar": "1 − c on every episode, and c·B/⌈α'B⌉ more on the lowest ⌈α'B⌉; c: mixture",
  entropic: "∝ exp(−R̄/temperature) on every episode",
  "random-drop": "⌈α'B⌉ episodes drawn at random 1, the others 0",
};

export function riskTerms({ risk, reward, training }: ArmConfig): RiskTerms {
  const { measure, alpha, statistic, schedule, warmup, rho } = risk;
  const { iterations } = training;
  const { meaning, kl } = statistics[statistic];
  return {
    measure,
    alpha,
    population: "the B episodes of one iteration's batch that have a reward",
    statistic,
    statistic_meaning: meaning,
    kl_in_statistic: kl,
    kl_in_return: true,
    ties: "the earlier place in the batch is the lower one; exactly so many episodes are kept",
    rounding: "⌈α'B⌉, at least 1; α' is taken as exact to 1e-12",
    schedule,
    warmup,
    rho,
    iterations,
    alpha_from_iteration: !usesAlpha(measure)
      ? null
      : schedule === "constant"
        ? 0
        : annealingEnd({ rho }, iterations),
    weighting: weightings[measure],
    mixture: measure === "mean-cvar" ? risk.mixture : null,
    temperature: measure === "entropic" ? risk.temperature : null,
    whitening: "advantages to mean 0 and variance 1 over the kept episodes' tokens, by weight",
    failed_rewards:
      "left out of ranking, update and figures, never scored 0; over " +
      `${reward.max_failed_share} of a batch the run stops`,
  };
}
