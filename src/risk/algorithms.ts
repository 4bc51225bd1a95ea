/**
 * The learning algorithms under their names in the configuration (`training.algorithm`), and what
 * follows from each: whether it needs a critic, how many completions per prompt, and the defaults of
 * the settings that another trainer of the same name would have (TRL 1.13 for rloo and grpo).
 */

import {
  bestOfGroup,
  everyOne,
  groupRelative,
  leaveOneOut,
  leaveOneOutOfBatch,
  type Returns,
  type RewardScale,
} from "./advantages.js";

export interface AlgorithmFacts {
  /** One signed advantage per episode; null: a value head (the critic) gives one per token. */
  readonly advantages: ((input: Returns, scale: RewardScale) => Float64Array) | null;
  /** Completions per prompt that its advantages need at the least. */
  readonly leastCompletions: 1 | 2;
  /** Where the KL stands unless `kl.form` says otherwise. */
  readonly klForm: KlForm;
  /** How tokens become one loss unless `training.loss_aggregation` says otherwise. */
  readonly lossAggregation: LossAggregation;
  readonly words: {
    /** One sentence, without its full stop. */
    readonly description: string;
    /** The advantage as a formula; R̄: return, w: weight of the risk measure. */
    readonly rule: string;
  };
}

export type KlForm = "return" | "loss";
export type LossAggregation = "token-mean" | "seq-mean-token-sum" | "seq-mean-token-mean";

export const algorithms = {
  ppo: {
    advantages: null,
    leastCompletions: 1,
    klForm: "return",
    lossAggregation: "token-mean",
    words: {
      description: "advantages per token from a value head (GAE)",
      rule: "GAE per token, to mean 0 and variance 1 over the kept episodes' tokens, by weight",
    },
  },
  rloo: {
    advantages: leaveOneOut,
    leastCompletions: 2,
    klForm: "return",
    lossAggregation: "seq-mean-token-sum",
    words: {
      description: "the return against the mean of the prompt's other completions",
      rule: "R̄ − mean of the prompt's other completions, times w over its mean",
    },
  },
  grpo: {
    advantages: groupRelative,
    leastCompletions: 2,
    klForm: "loss",
    lossAggregation: "token-mean",
    words: {
      description: "the return against the mean of the prompt's completions, over their deviation",
      rule: "(R̄ − mean of the prompt's completions) / (scale + 1e-4), times w over its mean",
    },
  },
  reinforce: {
    advantages: leaveOneOutOfBatch,
    leastCompletions: 1,
    klForm: "return",
    lossAggregation: "seq-mean-token-sum",
    words: {
      description: "the return against the mean of the batch's other episodes",
      rule: "R̄ − mean of the batch's other episodes, times w over its mean",
    },
  },
  raft: {
    advantages: bestOfGroup,
    leastCompletions: 2,
    klForm: "return",
    lossAggregation: "token-mean",
    words: {
      description:
        "1 for the best of the prompt's completions, 0 for the others: fine-tuning on it",
      rule: "1 for the highest R̄ of the prompt's completions, else 0, times w over its mean",
    },
  },
  quark: {
    advantages: everyOne,
    leastCompletions: 1,
    klForm: "loss",
    lossAggregation: "token-mean",
    words: {
      description: "1 for all, each learned after a text that names its quantile of the returns",
      rule: "1, after the text of the episode's quantile, times w over its mean",
    },
  },
} as const satisfies Readonly<Record<string, AlgorithmFacts>>;

export type AlgorithmName = keyof typeof algorithms;

/** It trains with a value head: advantages per token, λ-returns, a prefix baseline. */
export function hasCritic(algorithm: AlgorithmName): boolean {
  return algorithms[algorithm].advantages === null;
}

export const algorithmNames = Object.keys(algorithms) as readonly AlgorithmName[];

/** What an arm's `training` and `kl` sections come to, defaults by algorithm filled in. */
export interface LearningTerms {
  readonly algorithm: AlgorithmName;
  readonly advantages: AlgorithmFacts["advantages"];
  /** Episodes per prompt, ≥ 1. */
  readonly completions: number;
  /** Prompts per iteration: the batch over the completions. */
  readonly prompts: number;
  readonly klForm: KlForm;
  readonly lossAggregation: LossAggregation;
  /** Gradient steps per epoch; null: as many as the episodes that take part fill minibatches. */
  readonly stepsPerEpoch: number | null;
}

/** Whoever needs one of these reads it here: `null` in the configuration is the algorithm's own. */
export function learningTerms(arm: {
  readonly training: {
    readonly algorithm: AlgorithmName;
    readonly completions: number;
    readonly batch: number;
    readonly minibatch: number;
    readonly steps: "proportional" | "fixed";
    readonly loss_aggregation: LossAggregation | null;
  };
  readonly kl: { readonly form: KlForm | null };
}): LearningTerms {
  const { algorithm, completions, batch, minibatch, steps, loss_aggregation } = arm.training;
  const { advantages, klForm, lossAggregation } = algorithms[algorithm];
  return {
    algorithm,
    advantages,
    completions,
    prompts: batch / completions,
    klForm: arm.kl.form ?? klForm,
    lossAggregation: loss_aggregation ?? lossAggregation,
    stepsPerEpoch: steps === "fixed" ? Math.ceil(batch / minibatch) : null,
  };
}
