/** Payloads for tests: whole ones to begin with. The load is a file that the benchmarks read, too. */
import { float32Bytes, uint32Bytes } from "../../src/protocol/arrays.js";
import type { Payload, Stage } from "../../src/protocol/messages.js";
import { loadPayload } from "./load-payload.mjs";

export { loadPayload };

/** A stage of ten steps from the built-in model and data. */
export function stagePayload(
  kind: Stage["kind"] = "language_model",
  changes: Partial<Stage> = {},
): Payload<"describe_stage"> {
  return {
    stage: {
      name: "mine",
      kind,
      base: { kind: "model", model: "builtin", revision: null, trust_remote_code: false },
      data: loadPayload.data.source,
      options: {
        steps: 10,
        epochs: null,
        batch: 4,
        learning_rate: 1e-4,
        learning_rate_decay: "linear",
        warmup: 0,
        max_tokens: 12,
        held_out_every: 0,
        early_stopping: 0,
      },
      ...changes,
    },
    backend: loadPayload.backend,
  };
}

export function sftPayload(changes: Partial<Payload<"sft">> = {}): Payload<"sft"> {
  return {
    seed: 1,
    steps: 5,
    epochs: null,
    batch: 8,
    learning_rate: 3e-4,
    learning_rate_decay: "linear",
    warmup: 0.05,
    max_tokens: 12,
    packing: false,
    completion_only: false,
    held_out_every: 0,
    early_stopping: 0,
    ...changes,
  };
}

export function rolloutPayload(
  prompts: ArrayLike<number>,
  seed = 1,
  beta: number | null = 0.2,
  completions = 1,
): Payload<"rollout"> {
  const asked = { prompts: uint32Bytes(prompts), completions, condition: null };
  return { ...asked, seed, kl_coefficient: beta };
}

/** Of some weights on the critic's advantages, or of whatever the changes say instead. */
export function updatePayload(
  rollout: number,
  weights: ArrayLike<number> | null,
  changes: Partial<Payload<"update">> = {},
): Payload<"update"> {
  return {
    rollout,
    weights: weights === null ? null : float32Bytes(weights),
    rewards: null,
    advantages: null,
    conditions: null,
    kl_weights: null,
    kl_loss: null,
    whiten: "kept",
    loss_aggregation: "token-mean",
    steps_per_epoch: null,
    seed: 1,
    learning_rate_factor: 1,
    ...changes,
  };
}

export function evaluatePayload(
  prompts: ArrayLike<number>,
  seed = 3,
  changes: Partial<Payload<"evaluate">> = {},
): Payload<"evaluate"> {
  return {
    split: "test",
    prompts: uint32Bytes(prompts),
    completions: 1,
    condition: null,
    seed,
    weights: "current",
    figures: ["dist_1", "dist_2", "dist_3", "perplexity"],
    samples: uint32Bytes([0, 1, 2].slice(0, prompts.length)),
    ...changes,
  };
}
