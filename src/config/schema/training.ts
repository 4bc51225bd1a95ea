/** PPO: how the policy learns from a batch. */
import { z } from "zod";
import { count, fraction, nonNegative, positive, positiveInt } from "./fields.js";

export const trainingSchema = z.strictObject({
  iterations: positiveInt.max(10_000_000).default(194).describe("M: rollout + update"),
  batch: positiveInt.max(1_048_576).default(128).describe("B: episodes per iteration"),
  epochs: positiveInt.max(1000).default(4).describe("PPO epochs over the kept episodes"),
  minibatch: positiveInt
    .max(1_048_576)
    .default(32)
    .describe("episodes per gradient step; more than are kept: all kept in one step"),
  microbatch: count
    .max(1_048_576)
    .default(0)
    .describe("episodes per forward pass inside a minibatch, for memory; 0: the whole minibatch"),
  learning_rate: positive.max(1).default(1.41e-5).describe("learning rate of the policy (AdamW)"),
  value_learning_rate: positive.max(1).default(1e-3).describe("learning rate of the value head"),
  learning_rate_schedule: z
    .enum(["constant", "linear"])
    .default("constant")
    .describe("linear: down to 0 at M"),
  gamma: fraction.default(1).describe("γ, discount"),
  lambda: fraction.default(0.95).describe("λ of GAE"),
  clip_ratio: positive
    .max(1)
    .default(0.2)
    .describe("bound of PPO's probability ratio, 1 ± clip_ratio"),
  clip_value: positive.default(0.2).describe("bound of a value's change in one update"),
  value_coefficient: nonNegative.default(0.1).describe("weight of the value loss"),
  entropy_coefficient: nonNegative.default(0).describe("weight of the entropy bonus; 0: off"),
  max_grad_norm: positive.default(1).describe("gradients with a larger norm are clipped to it"),
  prefix_baseline: z
    .boolean()
    .default(false)
    .describe("critic = reward model's score of the prefix + value head; for cheap rewards only"),
  ema_decay: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      "decay of the exponential moving average (EMA) of the weights, per iteration; 0: off",
    ),
});
