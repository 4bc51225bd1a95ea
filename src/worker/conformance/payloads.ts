/** Whole payloads to begin with, of the built-in world: of the conformance suite, tests and benchmarks. */
import { uint32Bytes } from "../../protocol/arrays.js";
import type { Payload, Scorer, Stage } from "../../protocol/messages.js";

const scorer: Scorer = {
  kind: "builtin",
  labels: [],
  output: "logit",
  text: "whole",
  sign: 1,
  timeout_seconds: 0,
};

/** A whole `load` of the built-in world, small enough for milliseconds a command. */
export const builtinLoad: Payload<"load"> = {
  seed: 7,
  policy: {
    model: "builtin",
    revision: null,
    trust_remote_code: false,
    adapter: null,
    quantize: "none",
    gradient_checkpointing: false,
  },
  reference: null,
  rewards: [
    {
      name: "reward",
      weight: 1,
      transform: "identity",
      scale: 2,
      threshold: 0,
      normalize: "none",
      baseline: "none",
      scorer,
    },
  ],
  judges: [{ name: "judge", scorer }],
  evaluation: { toxicity: null, fluency: null, tasks: [] },
  data: {
    source: {
      parts: [
        {
          place: { kind: "builtin" },
          weight: null,
          columns: null,
          good: null,
          filter: [],
          split: { train: null, test: null, fraction: null },
        },
      ],
      seed: 0,
      deduplicate: false,
      balance: null,
      limit: { train: null, test: null },
      max_overlap: 0.1,
      template: "auto",
      truncate: null,
    },
    prompt_tokens: 12,
  },
  rollout: {
    new_tokens: 6,
    min_new_tokens: 1,
    temperature: 1,
    top_k: 0,
    top_p: 1,
    minibatch: 0,
  },
  conditions: [],
  decoding: null,
  training: {
    critic: true,
    epochs: 2,
    minibatch: 16,
    microbatch: 0,
    learning_rate: 1e-4,
    value_learning_rate: 1e-3,
    gamma: 1,
    lambda: 0.95,
    clip_ratio: 0.2,
    clip_value: 0.2,
    value_coefficient: 0.1,
    entropy_coefficient: 0,
    max_grad_norm: 1,
    prefix_baseline: false,
    ema_decay: 0.5,
  },
  backend: {
    device: "cpu",
    dtype: "float32",
    frozen_dtype: null,
    threads: 1,
    deterministic: true,
  },
  engine_options: {},
};

/** A stage of ten steps from the built-in model and data. */
export function builtinStage(
  kind: Stage["kind"] = "language_model",
  changes: Partial<Stage> = {},
): Payload<"describe_stage"> {
  return {
    stage: {
      name: "mine",
      kind,
      base: { kind: "model", model: "builtin", revision: null, trust_remote_code: false },
      data: builtinLoad.data.source,
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
    backend: builtinLoad.backend,
  };
}

export function builtinSft(changes: Partial<Payload<"sft">> = {}): Payload<"sft"> {
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

export function builtinEvaluate(
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
