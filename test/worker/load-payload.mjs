/** @type {import("../../src/protocol/messages.js").Scorer} */
const scorer = {
  kind: "builtin",
  labels: [],
  output: "logit",
  text: "whole",
  sign: 1,
  timeout_seconds: 0,
};

/**
 * A whole `load` of the built-in world. Plain JavaScript, so that the benchmarks can read it too:
 * they run without a compiler.
 *
 * @type {import("../../src/protocol/messages.js").Payload<"load">}
 */
export const loadPayload = {
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
