/** Fine-tuning, rollouts and updates. */
import { z } from "zod";
import {
  figureRecord,
  finite,
  float32,
  natural,
  scored,
  seconds,
  seed,
  uint32,
  usage,
} from "./fields.js";

// ── sft ─────────────────────────────────────────────────────────────────────────────────────

export const sftPayload = z.strictObject({
  seed,
  steps: natural.nullable().describe("gradient steps; null exactly when epochs is not"),
  epochs: finite.nullable().describe("passes over the texts"),
  batch: natural.describe("texts per gradient step, packed: rows"),
  learning_rate: finite.describe("the highest"),
  learning_rate_decay: z.enum(["constant", "linear", "cosine"]),
  warmup: z.number().min(0).max(1).describe("fraction of the steps"),
  max_tokens: natural,
  packing: z.boolean().describe("several texts per row of max_tokens, none of which sees another"),
  completion_only: z.boolean(),
  held_out_every: natural.describe("steps between measurements of the held-out loss; 0: none"),
  early_stopping: natural.describe("measurements without improvement before it stops; 0: off"),
});

/** One point of a training loss's course. */
export const lossPoint = z.strictObject({
  step: natural.describe("gradient steps so far"),
  loss: finite.describe("mean over the steps since the point before, nats per token or label"),
  held_out: finite.nullable().describe("loss on held-out rows after this step; null: not measured"),
  learning_rate: finite.describe("of this step"),
});

export const sftResult = z.strictObject({
  steps: natural.describe("gradient steps taken"),
  kept_step: natural.describe("after which the kept weights are; before steps: early stopping"),
  loss_first: finite,
  loss_last: finite,
  curve: z.array(lossPoint).describe("at most some hundreds of points"),
  texts: natural,
  seconds,
});

// ── rollout ─────────────────────────────────────────────────────────────────────────────────

export const rolloutPayload = z.strictObject({
  prompts: uint32.describe("ids in the train set"),
  completions: z.int().min(1).describe("episodes per prompt id"),
  condition: natural.nullable().describe("place in load's conditions; null: the prompts alone"),
  seed,
  kl_coefficient: finite
    .nullable()
    .describe("β of the dense reward; null: the KL is not in the return"),
});

export const rolloutResult = z.strictObject({
  rollout: natural.describe(
    "the tensors stay with the worker under this id until the next rollout",
  ),
  reward: float32.describe("raw, combined; NaN here and in both returns where a component failed"),
  components: z.array(scored).describe("one per reward component, in load's order"),
  trained: z
    .array(float32)
    .describe(
      "one array per reward component, in load's order: what it adds to the trained reward; NaN " +
        "where it failed",
    ),
  kl: float32.describe("Σ over tokens of log π − log π_ref"),
  return: float32.describe("R̄ = Σ γᵗ r̄ₜ, of the trained reward, KL in it where β is"),
  lambda_return: float32
    .nullable()
    .describe("GAE advantage + value at the first generated token; null: there is no critic"),
  length: uint32.describe("generated tokens, end of text in"),
  entropy: finite.nullable().describe("mean over generated tokens, nats; null: not known"),
  tokens: natural,
  seconds: z.strictObject({ sample: seconds, reference: seconds, reward: seconds }),
});

/** How the KL of a token is computed; README.md, section `update`. */
export const klLossForm = z.enum(["exact", "k3", "k3-corrected"]);

// ── update ──────────────────────────────────────────────────────────────────────────────────

export const updatePayload = z.strictObject({
  rollout: natural,
  weights: float32
    .nullable()
    .describe("per episode, ≥ 0, on the critic's advantages; only their ratios matter"),
  rewards: float32
    .nullable()
    .describe(
      "per episode, in place of the trained reward in what the critic's advantages follow from; " +
        "only with weights; null: as rolled out",
    ),
  advantages: float32
    .nullable()
    .describe("per episode, signed, in place of the critic's; excludes weights"),
  conditions: uint32
    .nullable()
    .describe(
      "per episode, the one of load's conditions under which it is learned, by −A·log π and without " +
        "a ratio; only with advantages, and a KL loss that is exact; null: as it was drawn",
    ),
  kl_weights: float32
    .nullable()
    .describe("per episode, ≥ 0, on the KL loss; null: there is no KL loss"),
  kl_loss: z
    .strictObject({
      form: klLossForm,
      coefficient: z.number().nonnegative(),
      unit: z
        .enum(["advantage", "reward"])
        .describe(
          "of the coefficient: that of the advantages in the loss, or that of those before whitening",
        ),
    })
    .nullable()
    .describe("null exactly when kl_weights is"),
  whiten: z
    .enum(["kept", "batch"])
    .describe("tokens whose mean and deviation whiten the critic's advantages"),
  loss_aggregation: z.enum(["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"]),
  steps_per_epoch: z
    .int()
    .min(1)
    .nullable()
    .describe("gradient steps per epoch; null: one per training.minibatch episodes"),
  seed,
  learning_rate_factor: finite.describe("multiplies both learning rates"),
});

export const updateResult = z.strictObject({
  figures: figureRecord,
  gradient_steps: natural,
  episodes: natural.describe("that took part: with a weight, an advantage or a KL weight"),
  tokens: natural.describe("generated tokens of those, gone through in all epochs"),
  ...usage,
  seconds,
});
