/** The KL penalty and the controller of its coefficient β. */
import { z } from "zod";
import { nonNegative, openFraction, positive, positiveInt } from "./fields.js";

const stageSchema = z.strictObject({
  from: positiveInt.describe("first iteration, counted from 0, at which the stage is in force"),
  beta: nonNegative
    .nullable()
    .default(null)
    .describe("β that the stage begins with; null: as it has come to be"),
  target: positive.nullable().default(null).describe("kl.target from there on; null: as before"),
  k_beta: nonNegative.nullable().default(null).describe("kl.k_beta from there on; null: as before"),
});

export const klSchema = z.strictObject({
  form: z
    .enum(["return", "loss"])
    .nullable()
    .default(null)
    .describe(
      "return: −β·KL in each episode's return, loss: a loss term on all episodes, whatever their weight; null: loss with grpo, return otherwise",
    ),
  loss: z
    .enum(["exact", "k3", "k3-corrected"])
    .default("k3-corrected")
    .describe(
      "form loss: exact over the vocabulary, slower, or an estimate from the sampled tokens; k3's gradient is not the KL's, k3-corrected's is",
    ),
  anchors: openFraction
    .default(1)
    .describe(
      "form loss: fraction of the episodes of weight 0 that carry it, drawn at random and weighted up; saves time",
    ),
  unit: z
    .enum(["advantage", "reward"])
    .default("advantage")
    .describe(
      "form loss: what β weighs the KL against: advantages as the loss has them, whitened by ppo, or the reward, β the same whatever they are divided by",
    ),
  weights: z
    .enum(["natural", "sampled", "sqrt", "smooth"])
    .default("natural")
    .describe(
      "form loss: mix of prompts that it is a mean over: the data's, whatever sampling.strategy draws, or the batch's own; sqrt: by the root of the natural weights; smooth: by natural weights that go smoothly with the rank of the prompt's score",
    ),
  target: positive.default(6).describe("KL that β is adapted to, in nats per episode"),
  beta: nonNegative.default(0.2).describe("initial β, the weight of the KL penalty"),
  k_beta: nonNegative
    .default(0.0128)
    .describe("gain of the controller that adapts β; 0: β is fixed"),
  clip: positive.default(0.2).describe("bound of the relative error in one adaptation"),
  schedule: z
    .array(stageSchema)
    .default([])
    .describe("stages of β and target, in order; before the first, the keys above are in force"),
  population: z
    .enum(["kept", "batch", "kept-over-batch"])
    .default("kept")
    .describe(
      "episodes the mean KL is taken over; kept-over-batch: the reference code's weaker KL penalty",
    ),
});
