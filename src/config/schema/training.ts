/** How the policy learns from a batch: the algorithm, its batches, its optimizer. */
import { z } from "zod";
import { algorithmNames, algorithms } from "../../risk/algorithms.js";
import { count, fraction, nonNegative, positive, positiveInt } from "./fields.js";

export const trainingSchema = z.strictObject({
  algorithm: z
    .enum(algorithmNames)
    .default("ppo")
    .meta({
      description: "what an episode's advantage is; all but ppo train without a value head",
      enumDescriptions: algorithmNames.map((name) => algorithms[name].words.description),
    }),
  iterations: positiveInt.max(10_000_000).default(194).describe("M: rollout + update"),
  batch: positiveInt.max(1_048_576).default(128).describe("B: episodes per iteration"),
  completions: positiveInt
    .max(1_048_576)
    .default(1)
    .describe(
      "n: episodes per prompt, B/n prompts per iteration; at least 2 with rloo, grpo and raft",
    ),
  scale_rewards: z
    .enum(["group", "batch", "none"])
    .default("group")
    .describe(
      "grpo: standard deviation that advantages are divided by: the prompt's completions', the batch's, none (Dr. GRPO)",
    ),
  quantiles: positiveInt
    .min(2)
    .max(100)
    .default(5)
    .describe(
      "quark: K, parts of a batch by return, each with a text of its own before the prompts",
    ),
  loss_aggregation: z
    .enum(["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
    .nullable()
    .default(null)
    .describe(
      "how tokens become one loss; null: token-mean with ppo, grpo, raft and quark, seq-mean-token-sum with rloo and reinforce",
    ),
  epochs: positiveInt
    .max(1000)
    .default(4)
    .describe("passes over the episodes of a batch that count"),
  minibatch: positiveInt
    .max(1_048_576)
    .default(32)
    .describe("episodes per gradient step; more than are kept: all kept in one step"),
  steps: z
    .enum(["proportional", "fixed"])
    .default("proportional")
    .describe(
      "gradient steps per epoch; proportional: ⌈episodes that count / minibatch⌉, fixed: ⌈B/minibatch⌉ whatever is kept",
    ),
  microbatch: count
    .max(1_048_576)
    .default(0)
    .describe("episodes per forward pass inside a minibatch, for memory; 0: the whole minibatch"),
  learning_rate: positive.max(1).default(1.41e-5).describe("learning rate of the policy (AdamW)"),
  value_learning_rate: positive
    .max(1)
    .default(1e-3)
    .describe("ppo: learning rate of the value head"),
  learning_rate_schedule: z
    .enum(["constant", "linear"])
    .default("constant")
    .describe("linear: down to 0 at M"),
  gamma: fraction.default(1).describe("γ, discount"),
  lambda: fraction.default(0.95).describe("ppo: λ of GAE"),
  whiten: z
    .enum(["kept", "batch"])
    .default("kept")
    .describe(
      "ppo: tokens over which advantages get mean 0 and variance 1: the kept episodes', by weight, or the whole batch's",
    ),
  clip_ratio: positive
    .max(1)
    .default(0.2)
    .describe("bound of the probability ratio, 1 ± clip_ratio"),
  clip_value: positive.default(0.2).describe("ppo: bound of a value's change in one update"),
  value_coefficient: nonNegative.default(0.1).describe("ppo: weight of the value loss"),
  entropy_coefficient: nonNegative.default(0).describe("weight of the entropy bonus; 0: off"),
  max_grad_norm: positive.default(1).describe("gradients with a larger norm are clipped to it"),
  prefix_baseline: z
    .boolean()
    .default(false)
    .describe(
      "ppo: critic = reward model's score of the prefix + value head; for cheap rewards only",
    ),
  ema_decay: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      "decay of the exponential moving average (EMA) of the weights, per iteration; 0: off",
    ),
});
