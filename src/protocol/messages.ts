/**
 * The whole seam between controller and worker, in one file. Every message that crosses the
 * socket is one of the strict objects below; `schema.json` is generated from them and compared
 * with the worker's msgspec structs (`python/averse_worker/wire/messages/`, same names, same order).
 *
 * Conventions: snake_case on the wire; `null`, never an absent property; per-episode arrays are
 * little-endian binary (`float32` / `uint32`), aligned by position with the prompt ids asked for.
 * The worker knows nothing of risk: it answers returns and takes one weight per episode.
 */
import { z } from "zod";

/** Exact match is required and checked first; a mismatch says which side is older. */
export const PROTOCOL_VERSION = 3;

const count = z.int().nonnegative();
const seed = z.int().min(0).max(0xffff_ffff).describe("32-bit seed of one named stream");
const finite = z.number();
const seconds = z.number().nonnegative();
/** Little-endian float32 values. */
const float32 = z.instanceof(Uint8Array).meta({ type: "string", format: "float32-le" });
/** Little-endian uint32 values. */
const uint32 = z.instanceof(Uint8Array).meta({ type: "string", format: "uint32-le" });
const digests = z.record(z.string(), z.string()).describe("file name → sha256, hexadecimal");

/** The whole GPU, with what other programs take of it: to be watched, no figure comes of it. */
export const gpuState = z.strictObject({
  load: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("share of up to the last second in which it was busy; null: it cannot be read"),
  memory_used_bytes: count,
  memory_total_bytes: count,
});

// ── load ────────────────────────────────────────────────────────────────────────────────────

export const loadPayload = z.strictObject({
  seed,
  policy: z.strictObject({
    model: z.string().describe("builtin, a folder, or a hub id"),
    lora_rank: count.describe("0: full fine-tuning"),
    trust_remote_code: z.boolean(),
  }),
  /** The frozen model that KL is measured against; null: the policy as loaded. */
  reference: z.string().nullable(),
  reward: z.strictObject({
    model: z.string().describe("builtin, a folder, or a hub id of a sequence classifier"),
    label: z.string().nullable().describe("class whose logit is the reward; null: the last"),
    sign: z.union([z.literal(1), z.literal(-1)]),
    transform: z.enum(["identity", "clip", "log-sigmoid"]),
    scale: finite.describe("clip: bound; log-sigmoid: factor"),
    baseline: z.enum(["none", "prompt"]).describe("prompt: the prompt's own score is taken off"),
    timeout_seconds: seconds.describe("of scoring one batch of texts; 0: no limit"),
  }),
  /** Scores evaluations only, never trained against; null: no judge. */
  judge: z.string().nullable(),
  data: z.strictObject({
    path: z.string().describe("builtin, or a folder with train.jsonl and test.jsonl"),
    prompt_tokens: count,
  }),
  rollout: z.strictObject({
    new_tokens: count,
    min_new_tokens: count,
    temperature: finite,
    top_k: count.describe("0: off"),
    top_p: finite,
    minibatch: count.describe("episodes sampled at once; 0: all"),
  }),
  training: z.strictObject({
    epochs: count,
    minibatch: count.describe("episodes a gradient step"),
    learning_rate: finite,
    value_learning_rate: finite,
    gamma: finite,
    lambda: finite,
    clip_ratio: finite,
    clip_value: finite,
    value_coefficient: finite,
    entropy_coefficient: finite,
    max_grad_norm: finite,
    prefix_baseline: z.boolean().describe("critic = reward model's score of the prefix + head"),
    average_decay: finite.describe("exponential average of the weights; 0: off"),
  }),
  backend: z.strictObject({
    device: z.string().describe("auto, cpu, cuda, cuda:1, mps"),
    dtype: z.enum(["float32", "bfloat16", "float16"]),
    threads: count.describe("CPU threads of tensor operations; 0: torch's default"),
    deterministic: z.boolean(),
  }),
});

const promptSet = z.strictObject({
  ids: uint32,
  scores: float32.describe("reward model's raw score of the prompt alone"),
});

export const loadResult = z.strictObject({
  device: z.string(),
  device_name: z.string(),
  dtype: z.string(),
  threads: count,
  parameters: count,
  context: count.describe("positions of the policy, in tokens"),
  train: promptSet,
  test: promptSet,
  versions: z.record(z.string(), z.string()),
  nondeterminism: z
    .array(z.string())
    .describe("what may keep two runs on this machine from being bit-identical; empty: nothing"),
  digests: z.strictObject({
    policy: digests,
    reference: digests,
    reward: digests,
    judge: digests,
    data: digests,
  }),
  memory_bytes: count.describe("of the worker's process, on the host"),
  gpu: gpuState.nullable().describe("null: the worker computes on no GPU"),
  seconds,
});

// ── sft ─────────────────────────────────────────────────────────────────────────────────────

export const sftPayload = z.strictObject({
  seed,
  steps: count,
  batch: count,
  learning_rate: finite,
  max_tokens: count,
});

export const sftResult = z.strictObject({
  steps: count,
  loss_first: finite,
  loss_last: finite,
  texts: count,
  seconds,
});

// ── rollout ─────────────────────────────────────────────────────────────────────────────────

export const rolloutPayload = z.strictObject({
  prompts: uint32.describe("ids in the train set, one an episode"),
  seed,
  kl_coefficient: finite.describe("β of the dense reward"),
});

/** Why the reward model gave no score, and to whom. */
const rewardFailure = z.strictObject({
  kind: z.enum(["timeout", "exception", "not-finite"]),
  message: z.string(),
  episodes: uint32.describe("positions in the request's prompts, ascending"),
});

export const rolloutResult = z.strictObject({
  rollout: count.describe("the tensors stay with the worker under this id until the next rollout"),
  reward: float32.describe("raw environment reward; NaN here and in both returns where it failed"),
  kl: float32.describe("Σ over tokens of log π − log π_ref"),
  return: float32.describe("R̄ = Σ γᵗ r̄ₜ, of the transformed reward, KL in"),
  lambda_return: float32.describe("GAE advantage + value at the first generated token"),
  length: uint32.describe("generated tokens, EOS in"),
  failures: z.array(rewardFailure).describe("no episode stands in two of them"),
  entropy: finite.describe("mean over generated tokens, nats"),
  tokens: count,
  seconds: z.strictObject({ sample: seconds, reference: seconds, reward: seconds }),
});

// ── update ──────────────────────────────────────────────────────────────────────────────────

export const updatePayload = z.strictObject({
  rollout: count,
  weights: float32.describe(
    "one an episode, ≥ 0, 0 without a reward; weight 0 costs no forward or backward pass",
  ),
  seed,
  learning_rate_factor: finite.describe("multiplies both learning rates"),
});

export const updateResult = z.strictObject({
  loss_policy: finite,
  loss_value: finite,
  entropy: finite,
  clip_fraction: finite,
  approx_kl: finite,
  grad_norm: finite,
  explained_variance: finite,
  gradient_steps: count,
  episodes: count.describe("episodes with weight > 0"),
  tokens: count.describe("generated tokens of those, times epochs"),
  memory_bytes: count.describe("of the worker's process, on the host"),
  gpu: gpuState.nullable().describe("null: the worker computes on no GPU"),
  seconds,
});

// ── texts ───────────────────────────────────────────────────────────────────────────────────

export const textsPayload = z.strictObject({
  rollout: count,
  episodes: uint32.describe("positions in the rollout's prompts"),
});

/** What people read and nothing is computed from. */
const episodeText = z.strictObject({
  episode: count,
  prompt: z.string().describe("bounded: what is too long is cut, and ends with a mark"),
  completion: z.string().describe("bounded likewise"),
});

export const textsResult = z.strictObject({
  texts: z.array(episodeText).describe("of the episodes asked for, in their order"),
});

// ── evaluate ────────────────────────────────────────────────────────────────────────────────

export const evaluatePayload = z.strictObject({
  split: z.enum(["train", "test"]),
  prompts: uint32,
  seed: seed.describe("same seed, same prompts: common random numbers between arms"),
  weights: z.enum(["current", "average"]),
  perplexity: z.boolean().describe("of the held-out good-class texts"),
  samples: count.describe(
    "how many prompt/completion texts to send back, spread over prompt score",
  ),
});

export const evaluateResult = z.strictObject({
  reward: float32.describe("raw; NaN where it failed"),
  judge: float32.nullable().describe("NaN where it failed"),
  kl: float32,
  length: uint32,
  failures: z.array(rewardFailure),
  judge_failures: z.array(rewardFailure),
  dist_1: finite,
  dist_2: finite,
  dist_3: finite,
  perplexity: finite.nullable(),
  samples: z.array(
    z.strictObject({
      prompt: count,
      text: z.string(),
      completion: z.string(),
      reward: finite.nullable().describe("null: it failed"),
    }),
  ),
  memory_bytes: count.describe("of the worker's process, on the host"),
  gpu: gpuState.nullable().describe("null: the worker computes on no GPU"),
  seconds,
});

// ── save, restore, export ───────────────────────────────────────────────────────────────────

/** `path`: an existing empty folder; the caller renames it once the digests are written. */
export const savePayload = z.strictObject({ path: z.string() });
export const saveResult = z.strictObject({ files: digests, bytes: count, seconds });

export const restorePayload = z.strictObject({ path: z.string() });
export const restoreResult = z.strictObject({ seconds });

/** transformers format; LoRA is merged in. */
export const exportPayload = z.strictObject({
  path: z.string(),
  weights: z.enum(["current", "average"]),
});
export const exportResult = z.strictObject({ files: digests, bytes: count, seconds });

// ── control: answered by the worker's control thread, also while the engine works ───────────

const empty = z.strictObject({});

export const pingResult = z.strictObject({
  busy: z.string().nullable().describe("command in hand"),
  phase: z.string().nullable(),
  memory_bytes: count.describe("of the worker's process, on the host"),
});

export const commands = {
  load: { payload: loadPayload, result: loadResult },
  sft: { payload: sftPayload, result: sftResult },
  rollout: { payload: rolloutPayload, result: rolloutResult },
  update: { payload: updatePayload, result: updateResult },
  texts: { payload: textsPayload, result: textsResult },
  evaluate: { payload: evaluatePayload, result: evaluateResult },
  save: { payload: savePayload, result: saveResult },
  restore: { payload: restorePayload, result: restoreResult },
  export: { payload: exportPayload, result: exportResult },
  ping: { payload: empty, result: pingResult },
  interrupt: { payload: empty, result: empty },
  shutdown: { payload: empty, result: empty },
} as const;

export type Command = keyof typeof commands;
export type Payload<C extends Command> = z.infer<(typeof commands)[C]["payload"]>;
export type Result<C extends Command> = z.infer<(typeof commands)[C]["result"]>;

// ── envelopes ───────────────────────────────────────────────────────────────────────────────

/** Controller → worker. `payload` is checked against the command's own schema. */
export const request = z.strictObject({
  kind: z.literal("request"),
  protocol: z.int(),
  session: z.string(),
  id: count,
  command: z.enum(Object.keys(commands) as [Command, ...Command[]]),
  payload: z.unknown(),
});

export const capabilities = z.strictObject({
  sft: z.boolean(),
  lora: z.boolean(),
  prefix_baseline: z.boolean(),
  average: z.boolean(),
  checkpoint: z.boolean(),
});

/** First message of a worker, before it imports torch. */
export const hello = z.strictObject({
  kind: z.literal("hello"),
  protocol: z.int(),
  session: z.string(),
  pid: count,
  engine: z.string(),
  version: z.string().describe("of the worker package"),
  capabilities,
});

export const reply = z.strictObject({
  kind: z.literal("reply"),
  session: z.string(),
  id: count,
  result: z.unknown(),
});

/**
 * `protocol`: the message itself is wrong · `input`: the user's config, model or data is wrong
 * (exit 2) · `environment`: a package, device or permission is missing (exit 3) · `memory`: out
 * of memory · `diverged`: NaN or Inf · `interrupted` · `internal`: a bug, with its traceback.
 */
export const errorKind = z.enum([
  "protocol",
  "input",
  "environment",
  "memory",
  "diverged",
  "interrupted",
  "internal",
]);

export const failure = z.strictObject({
  kind: z.literal("failure"),
  session: z.string(),
  id: count.nullable().describe("null: no request could be read"),
  error: errorKind,
  message: z.string().describe("what, where, what was expected, what to do next"),
  key: z.string().nullable().describe("config key path that led here, when known"),
  detail: z.string().nullable().describe("traceback or numbers"),
});

export const progress = z.strictObject({
  kind: z.literal("progress"),
  session: z.string(),
  id: count,
  phase: z.string().describe("import, load, sample, reference, reward, update, evaluate, …"),
  done: count,
  total: count.describe("0: unknown"),
  unit: z.string(),
});

export const fromWorker = z.discriminatedUnion("kind", [hello, reply, failure, progress]);

export type GpuState = z.infer<typeof gpuState>;
export type RewardFailure = z.infer<typeof rewardFailure>;
export type Request = z.infer<typeof request>;
export type Hello = z.infer<typeof hello>;
export type Capabilities = z.infer<typeof capabilities>;
export type Reply = z.infer<typeof reply>;
export type ErrorKind = z.infer<typeof errorKind>;
export type Progress = z.infer<typeof progress>;
export type FromWorker = z.infer<typeof fromWorker>;
