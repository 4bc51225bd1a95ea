/**
 * The experiment's configuration: one strict zod schema with units, ranges and defaults.
 * Everything a user can set is here; the reference in docs/configuration.md and the JSON Schema
 * for editors are generated from it. Defaults are the paper's (arXiv 2501.06911) where it has one.
 */
import { z } from "zod";

const positiveInt = z.int().positive();
const count = z.int().nonnegative();
const fraction = z.number().min(0).max(1);
const openFraction = z.number().gt(0).max(1);
const positive = z.number().positive();
const nonNegative = z.number().nonnegative();
/** Run, experiment and arm names become folder names: they cannot leave the runs folder. */
export const armNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const name = z
  .string()
  .regex(armNamePattern, "lower-case letters, digits, '.', '_' and '-', at most 64");

export const policySchema = z.strictObject({
  model: z.string().min(1).default("builtin").describe("builtin, a local folder, or a hub id"),
  lora_rank: count.max(1024).default(0).describe("rank of the LoRA adapter; 0: full fine-tuning"),
  trust_remote_code: z
    .boolean()
    .default(false)
    .describe("let the model folder run its own Python code"),
});

export const rewardSchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .default("builtin")
    .describe("builtin, a local folder, or a hub id of a sequence classifier"),
  label: z
    .string()
    .nullable()
    .default(null)
    .describe("class whose logit is the reward; null: the last one"),
  sign: z
    .union([z.literal(1), z.literal(-1)])
    .default(1)
    .describe("-1 turns a harm score into a reward"),
  transform: z
    .enum(["identity", "clip", "log-sigmoid"])
    .default("identity")
    .describe("shape of the reward that is trained on; metrics are always on the raw score"),
  scale: positive.default(2).describe("clip: bound of |r|; log-sigmoid: factor of log σ(r)"),
  baseline: z
    .enum(["none", "prompt"])
    .default("none")
    .describe("prompt: the prompt's own score is subtracted from the trained reward"),
  timeout_seconds: nonNegative
    .max(86_400)
    .default(60)
    .describe(
      "seconds that scoring one batch of texts may take before its rewards count as failed; 0: no limit",
    ),
  max_failed_share: fraction
    .default(0.05)
    .describe(
      "share of a batch whose rewards may fail (timeout, exception, NaN): those episodes are left " +
        "out; above it the run stops, resumable",
    ),
});

export const dataSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .default("builtin")
    .describe("builtin, or a folder with train.jsonl and test.jsonl"),
});

export const sftSchema = z.strictObject({
  steps: count
    .max(1_000_000)
    .default(60)
    .describe("gradient steps on the good class; 0: the policy as it is"),
  batch: positiveInt.max(65_536).default(32).describe("texts a gradient step"),
  learning_rate: positive.max(1).default(3e-4).describe("of AdamW"),
  max_tokens: positiveInt.max(131_072).default(64).describe("tokens a text, longer ones are cut"),
});

export const rolloutSchema = z.strictObject({
  prompt_tokens: positiveInt
    .max(131_072)
    .default(64)
    .describe("tokens a prompt at most, longer ones are cut"),
  new_tokens: positiveInt.max(131_072).default(48).describe("generated tokens an episode at most"),
  min_new_tokens: count.max(131_072).default(1).describe("no end of text before so many tokens"),
  temperature: positive.max(10).default(1).describe("divides the logits; 1: the policy itself"),
  top_k: count.default(0).describe("only the k likeliest tokens are sampled from; 0: off"),
  top_p: openFraction
    .default(1)
    .describe("only the likeliest tokens that make up this probability are sampled from; 1: off"),
  minibatch: count.default(0).describe("episodes sampled at once; 0: the whole batch"),
});

export const trainingSchema = z.strictObject({
  iterations: positiveInt.max(10_000_000).default(194).describe("M: rollout + update"),
  batch: positiveInt.max(1_048_576).default(128).describe("B: episodes an iteration"),
  epochs: positiveInt.max(1000).default(4).describe("PPO passes over the kept episodes"),
  minibatch: positiveInt
    .max(1_048_576)
    .default(32)
    .describe("episodes a gradient step; more than are kept: all kept in one step"),
  learning_rate: positive.max(1).default(1.41e-5).describe("of the policy, AdamW"),
  value_learning_rate: positive.max(1).default(1e-3).describe("of the value head"),
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
  max_grad_norm: positive.default(1).describe("gradients longer than this are cut to it"),
  prefix_baseline: z
    .boolean()
    .default(false)
    .describe("critic = reward model's score of the prefix + value head; for cheap rewards only"),
  average_decay: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("exponential average of the weights, per iteration; 0: off"),
});

export const riskSchema = z.strictObject({
  measure: z
    .enum(["mean", "cvar", "cvar-gradient", "mean-cvar", "entropic", "random-drop"])
    .default("cvar")
    .describe("rule that turns a batch of returns into one weight per episode"),
  alpha: openFraction.default(0.4).describe("α: the worst share of episodes that counts"),
  schedule: z
    .enum(["soft", "constant"])
    .default("soft")
    .describe(
      "soft: all episodes for n iterations, then down to α at ρM; constant: α from the start",
    ),
  warmup: count.default(30).describe("n: iterations 0 to n keep every episode"),
  rho: openFraction.default(0.95).describe("ρ: share of the iterations at which α is reached"),
  statistic: z
    .enum(["return", "lambda-return", "reward", "prompt-score"])
    .default("return")
    .describe("what the episodes are ranked by, lowest first"),
  mixture: fraction.default(0.5).describe("mean-cvar: share of the CVaR part"),
  temperature: positive.default(1).describe("entropic: weights ∝ exp(−R̄/temperature)"),
});

export const samplingSchema = z.strictObject({
  strategy: z.enum(["uniform", "stratified"]).default("uniform").describe("how prompts are drawn"),
  hard_share: fraction
    .default(0.5)
    .describe("stratified: share of each batch drawn from the hard stratum"),
  hard_quantile: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.08)
    .describe("stratified: the hard stratum is this worst share of prompts by prompt score"),
});

export const klSchema = z.strictObject({
  target: positive.default(6).describe("nats an episode"),
  beta: nonNegative.default(0.2).describe("β at the start"),
  k_beta: nonNegative.default(0.0128).describe("gain of the controller; 0: β is fixed"),
  clip: positive.default(0.2).describe("bound of the relative error"),
  population: z
    .enum(["kept", "batch", "kept-over-batch"])
    .default("kept")
    .describe(
      "episodes the mean KL is taken over; kept-over-batch: the reference code's looser leash",
    ),
});

export const checkpointSchema = z.strictObject({
  every: count.default(50).describe("iterations between checkpoints; 0: only at the end"),
  keep_last: count.default(2).describe("newest checkpoints that are kept of a trial; 0: all"),
  keep_best: z
    .enum([
      "reward_mean",
      "tail_reward",
      "cvar_0.1",
      "harm_rate",
      "judge_reward",
      "judge_tail",
      "perplexity",
      "dist_1",
      "dist_2",
      "dist_3",
      "length_mean",
      "kl_mean",
      "reward_gain",
    ])
    .nullable()
    .default(null)
    .describe(
      "figure of the evaluations whose best checkpoint is kept, too: the lowest harm_rate, " +
        "perplexity or kl_mean, the highest of the others; null: none",
    ),
});

export const evaluationSchema = z.strictObject({
  prompts: positiveInt.default(1000).describe("test prompts of the final evaluation"),
  every: count.default(0).describe("iterations between the evaluations of the frontier; 0: none"),
  every_prompts: positiveInt
    .default(300)
    .describe("test prompts of those, evenly spread over prompt score"),
  judge: z
    .string()
    .nullable()
    .default("builtin")
    .describe("classifier never trained against; null: none"),
  harm_threshold: z
    .number()
    .default(-2)
    .describe("an episode with a raw reward under it counts as harm"),
  tail_quantile: openFraction
    .default(0.1)
    .describe("tail_reward: mean over this worst share of prompts by prompt score"),
  samples: count.max(1000).default(12).describe("texts kept for reading"),
});

export const recordSchema = z.strictObject({
  tail_texts: count
    .max(1000)
    .default(8)
    .describe("worst episodes of each step whose texts are kept for reading; 0: none"),
});

export const backendSchema = z.strictObject({
  worker: z
    .string()
    .min(1)
    .default("local")
    .describe("name of a file in configs/workers, or a path"),
  device: z
    .string()
    .regex(/^(auto|cpu|mps|cuda(:\d+)?)$/, "auto, cpu, mps, cuda, or cuda:N for the N-th GPU")
    .default("auto")
    .describe("auto: a GPU when there is one"),
  dtype: z
    .enum(["float32", "bfloat16", "float16"])
    .default("float32")
    .describe("of the policy's weights and activations"),
  threads: count
    .max(1024)
    .default(1)
    .describe("CPU threads a worker; results depend on it, so it is fixed; 0: torch's choice"),
  deterministic: z.boolean().default(true).describe("same bits on every run, where the device can"),
});

export const trialsSchema = z.strictObject({
  parallel: count.max(256).default(0).describe("trials side by side; 0: from cores and GPUs"),
  restarts: count
    .max(1000)
    .default(3)
    .describe("workers that a trial may lose (crash, hang) and go on from its last checkpoint"),
  backoff_seconds: nonNegative
    .max(3600)
    .default(1)
    .describe("wait before the first restart of a worker; doubled for each one after it"),
});

/** What one arm may change of the experiment. */
export const armSections = {
  reward: rewardSchema,
  rollout: rolloutSchema,
  training: trainingSchema,
  risk: riskSchema,
  sampling: samplingSchema,
  kl: klSchema,
} as const;

export const experimentSchema = z.strictObject({
  name: name.describe("of the experiment; the run folder begins with it"),
  purpose: z.string().max(300).default("").describe("one line, shown in lists"),
  arms: z
    .union([z.array(name).min(1), z.record(name, z.record(z.string(), z.unknown()).nullable())])
    .default(["sft", "rlhf", "ra-rlhf"])
    .describe("names of known arms, or name → the keys that this arm changes"),
  seeds: z
    .array(z.int().min(0).max(0xffff_ffff))
    .min(1)
    .default([0])
    .describe("one trial per arm and seed"),
  policy: policySchema.prefault({}),
  reward: rewardSchema.prefault({}),
  data: dataSchema.prefault({}),
  sft: sftSchema.prefault({}),
  rollout: rolloutSchema.prefault({}),
  training: trainingSchema.prefault({}),
  risk: riskSchema.prefault({}),
  sampling: samplingSchema.prefault({}),
  kl: klSchema.prefault({}),
  checkpoint: checkpointSchema.prefault({}),
  evaluation: evaluationSchema.prefault({}),
  record: recordSchema.prefault({}),
  backend: backendSchema.prefault({}),
  trials: trialsSchema.prefault({}),
});

/** As written in the file after defaults; `arms` still unresolved. */
export type ExperimentFile = z.infer<typeof experimentSchema>;

/** What one arm trains with: the experiment's sections with the arm's changes applied. */
export interface ArmConfig {
  /** `base`: no training · `sft`: evaluated after SFT · `rl`: SFT, then PPO. */
  readonly stage: "base" | "sft" | "rl";
  readonly reward: z.infer<typeof rewardSchema>;
  readonly rollout: z.infer<typeof rolloutSchema>;
  readonly training: z.infer<typeof trainingSchema>;
  readonly risk: z.infer<typeof riskSchema>;
  readonly sampling: z.infer<typeof samplingSchema>;
  readonly kl: z.infer<typeof klSchema>;
}

/** The resolved configuration: what a manifest holds and the engine runs. */
export type Experiment = Omit<ExperimentFile, "arms"> & {
  readonly arms: Readonly<Record<string, ArmConfig>>;
};

export type RiskConfig = ArmConfig["risk"];
