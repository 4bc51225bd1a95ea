/** What an arm's risk is: its part in comparisons, in words, and spelt out for the manifest. */
import { rewardComponents } from "../config/rewards/components.js";
import type { ArmConfig, DecodingConfig, RiskConfig } from "../config/schema/experiment.js";
import { type AlgorithmName, algorithms, learningTerms } from "../risk/algorithms.js";
import { annealings } from "../risk/annealing/registry.js";
import { alphaFrom } from "../risk/annealing/schedule.js";
import { riskMeasures } from "../risk/measures/registry.js";
import type { Population, RiskRole } from "../risk/measures/risk-measure.js";
import { favoursHardPrompts, promptSamplers, weighsImportance } from "../risk/samplers/registry.js";
import { type RiskTerms, riskTerms } from "../risk/terms.js";

/**
 * What an arm stands for in comparisons. Risk-averse: it weighs episodes by their badness or draws
 * hard prompts more often without weighting them back; decoding in another way is a control. Names
 * play no part. Null: it is what the others start from.
 */
export function riskRole({ stage, risk, sampling }: ArmConfig): RiskRole | null {
  if (stage === "decode") {
    return "control";
  }
  if (stage !== "rl") {
    return null;
  }
  if (favoursHardPrompts(sampling)) {
    return "averse";
  }
  const { role, isMean } = riskMeasures[risk.measure];
  return role === "averse" && isMean(risk) ? "neutral" : role;
}

/** `risk-averse: mean, hard prompts more often` */
export function riskWords(arm: ArmConfig): string {
  if (arm.stage === "decode") {
    return `${roleWords.control}: ${decodingWords(arm.decoding)}`;
  }
  const role = riskRole(arm);
  const more = promptSamplers[arm.sampling.strategy].drawsHardMore;
  const back = weighsImportance(arm.sampling) ? ", weighted back" : "";
  const drawn = more ? `, hard prompts more often${back}` : "";
  const { label, component, ties } = riskTerms(arm.risk);
  const of = component === null ? "" : ` of ${component}`;
  const tied = ties === "kept" ? ", ties kept" : "";
  return role === null ? arm.stage : `${roleWords[role]}: ${label}${of}${tied}${drawn}`;
}

/** `instruction, best of 4` */
function decodingWords({ best_of, instruction, expert, strength }: DecodingConfig): string {
  return [
    ...(expert === null ? [] : [`experts times ${strength}`]),
    ...(instruction === null ? [] : ["instruction"]),
    ...(best_of === 1 ? [] : [`best of ${best_of}`]),
  ].join(", ");
}

/** `grpo, 8 completions per prompt, gradient steps fixed` */
export function algorithmWords(arm: ArmConfig): string {
  const { algorithm, completions, stepsPerEpoch } = learningTerms(arm);
  return [
    algorithm,
    ...(completions === 1 ? [] : [`${completions} completions per prompt`]),
    ...(stepsPerEpoch === null ? [] : ["gradient steps fixed"]),
    ...(arm.training.whiten === "batch" ? ["whitened over the batch"] : []),
  ].join(", ");
}

/** How advantages are made, and over what they are whitened. */
function advantageWords({ risk, training }: ArmConfig): string {
  if (riskMeasures[risk.measure].answers === "advantages") {
    return "the risk measure's own";
  }
  return training.whiten === "batch"
    ? "GAE per token, less the mean of the batch's tokens, over their deviation"
    : algorithms[training.algorithm].words.rule;
}

const roleWords: Readonly<Record<RiskRole, string>> = {
  averse: "risk-averse",
  neutral: "risk-neutral",
  control: "control",
};

/** Everything one must know to compute the same tail elsewhere; null: the measure ignores it. */
export interface RiskRecord extends Omit<RiskTerms, "label" | "population" | "ties"> {
  measure: RiskConfig["measure"];
  /** Whether it gives weights, advantages or rewards. */
  answers: string;
  /** The quantity whose tail it is. */
  acts_on: string;
  /** What the expected update follows. */
  follows: string;
  population: string;
  statistic_meaning: string | null;
  kl_in_statistic: boolean | null;
  kl_in_return: boolean;
  ties: string;
  rounding: string;
  /** M. */
  iterations: number;
  /** α' as a formula of m; null: the measure knows no α. */
  alpha_in_force: string | null;
  /**
   * First iteration, from 0, with α in force, the soonest where α' follows the training; null: none,
   * or the measure knows no α.
   */
  alpha_from_iteration: number | null;
  weighting: string;
  algorithm: AlgorithmName;
  /** How the algorithm makes advantages of returns and weights. */
  advantages: string;
  gradient_steps: string;
  failed_rewards: string;
}

const statistics: Readonly<
  Record<RiskConfig["statistic"], { readonly meaning: string; readonly kl: boolean }>
> = {
  return: {
    meaning:
      "R̄ = Σ γᵗ r̄ₜ, of the transformed reward, and of the KL penalty where it is in the return",
    kl: true,
  },
  "lambda-return": {
    meaning: "GAE advantage + value at the first generated token, of the same dense rewards",
    kl: true,
  },
  reward: { meaning: "raw reward of prompt and completion", kl: false },
  "prompt-score": { meaning: "the reward model's raw score of the prompt alone", kl: false },
};

const populations: Readonly<Record<Population, string>> = {
  batch: "the B episodes of one iteration's batch that have a reward",
  prompt: "the completions of one prompt that have a reward",
  components: "the reward components of one episode",
  window:
    "the batch, by thresholds or means that follow the episodes of past iterations that have a reward",
};

export function riskRecord(arm: ArmConfig): RiskRecord {
  const { risk, reward, training } = arm;
  const { algorithm, klForm, stepsPerEpoch } = learningTerms(arm);
  const klInReturn = klForm === "return";
  const { label: _, ties, ...terms } = riskTerms(risk);
  const components = rewardComponents(reward);
  const limits = components.map(({ name, max_failed_fraction }) =>
    components.length === 1 ? `${max_failed_fraction}` : `${max_failed_fraction} (${name})`,
  );
  const { answers, words } = riskMeasures[risk.measure];
  const { iterations } = training;
  const ranked = terms.statistic === null ? null : statistics[terms.statistic];
  return {
    measure: risk.measure,
    answers,
    ...terms,
    acts_on: actsOn(answers, terms.component),
    population: populations[terms.population],
    statistic_meaning: ranked?.meaning ?? null,
    kl_in_statistic: ranked === null ? null : ranked.kl && klInReturn,
    kl_in_return: klInReturn,
    ties:
      ties === "kept"
        ? "every episode at or under the highest of the ⌈α'B⌉ lowest is kept"
        : "the earlier place in the batch is the lower one; exactly so many episodes are kept",
    rounding: weighsImportance(arm.sampling)
      ? "importance weights of α' of all; the episode at the tail's end counts in part"
      : "⌈α'B⌉, at least 1; α' is taken as exact to 1e-12",
    iterations,
    alpha_in_force: terms.annealing === null ? null : annealings[terms.annealing].words.rule,
    alpha_from_iteration: terms.annealing === null ? null : alphaFrom(risk, iterations),
    weighting: words.rule,
    algorithm,
    follows: words.follows,
    advantages: advantageWords(arm),
    gradient_steps:
      stepsPerEpoch === null
        ? `per epoch ⌈episodes that take part / ${training.minibatch}⌉`
        : `${stepsPerEpoch} per epoch, whatever is kept`,
    failed_rewards:
      "left out of ranking, update and figures, never scored 0; over " +
      `${limits.join(", ")} of a batch the run stops`,
  };
}

function actsOn(answers: string, component: string | null): string {
  if (component !== null) {
    return `what ${component} adds to the trained reward; all else enters by its mean`;
  }
  return answers === "rewards"
    ? "the trained reward R of an episode, the KL not in it"
    : "the return R̄ of an episode";
}
