/**
 * The whole seam between controller and worker. Every message that crosses the socket is one of the
 * strict objects of this file, `load.ts`, `stages.ts`, `training.ts` and `evaluation.ts`; `schema.json` is
 * generated from them and compared with the worker's msgspec structs (`python/averse_worker/wire/messages/`: same names, same order).
 *
 * Conventions: snake_case on the wire; `null`, never an absent property; arrays per episode or per
 * prompt are little-endian binary (`float32` / `uint32`), aligned with the prompt ids of the
 * request, episodes grouped by prompt. The worker knows nothing of risk: it answers rewards and
 * returns, and takes weights, advantages and weights of the KL. README.md beside this file
 * says what each command does.
 */
import { z } from "zod";
import {
  capabilityPayload,
  capabilityResult,
  evaluatePayload,
  evaluateResult,
  type taskFigure,
  textsPayload,
  textsResult,
  toxicityPayload,
  toxicityResult,
} from "./evaluation.js";
import {
  digests,
  type gpuState,
  natural,
  type scored,
  type scoreFailure,
  seconds,
} from "./fields.js";
import {
  loadPayload,
  loadResult,
  scorePromptsPayload,
  scorePromptsResult,
  type scorer,
} from "./load.js";
import {
  describeStagePayload,
  describeStageResult,
  type stage,
  trainStagePayload,
  trainStageResult,
} from "./stages.js";
import {
  rolloutPayload,
  rolloutResult,
  sftPayload,
  sftResult,
  updatePayload,
  updateResult,
} from "./training.js";

/** Exact match is required and checked first; a mismatch says which side is older. */
export const PROTOCOL_VERSION = 8;

/** Of the controller, as in package.json; a worker's hello names its own. */
export const RELEASE = "0.1.0";

// ── devices ─────────────────────────────────────────────────────────────────────────────────

export const devicesResult = z.strictObject({
  auto: z.string().describe("name of the device that backend.device: auto takes"),
  devices: z.array(
    z.strictObject({
      name: z.string().describe("as in backend.device: cpu, mps, cuda:0"),
      description: z.string().describe("model of the processor or GPU"),
      memory_bytes: natural.nullable().describe("of its own; null: unknown, or the host's"),
    }),
  ),
  cores: natural.describe("CPU cores that the process may use"),
});

// ── save, restore, export ───────────────────────────────────────────────────────────────────

/** `path`: an existing empty folder; the caller renames it once the digests are written. */
export const savePayload = z.strictObject({ path: z.string() });
export const saveResult = z.strictObject({ files: digests, bytes: natural, seconds });

export const restorePayload = z.strictObject({ path: z.string() });
export const restoreResult = z.strictObject({ seconds });

/** transformers format; LoRA is merged in. */
export const exportPayload = z.strictObject({
  path: z.string(),
  weights: z.enum(["current", "ema"]),
});
export const exportResult = z.strictObject({ files: digests, bytes: natural, seconds });

// ── control: answered by the worker's control thread, also while the engine works ───────────

const empty = z.strictObject({});

export const pingResult = z.strictObject({
  busy: z.string().nullable().describe("command in hand"),
  phase: z.string().nullable(),
  memory_bytes: natural.describe("of the worker's process, on the host"),
});

export const commands = {
  devices: { payload: empty, result: devicesResult },
  describe_stage: { payload: describeStagePayload, result: describeStageResult },
  train_stage: { payload: trainStagePayload, result: trainStageResult },
  load: { payload: loadPayload, result: loadResult },
  score_prompts: { payload: scorePromptsPayload, result: scorePromptsResult },
  sft: { payload: sftPayload, result: sftResult },
  rollout: { payload: rolloutPayload, result: rolloutResult },
  update: { payload: updatePayload, result: updateResult },
  texts: { payload: textsPayload, result: textsResult },
  evaluate: { payload: evaluatePayload, result: evaluateResult },
  toxicity: { payload: toxicityPayload, result: toxicityResult },
  capability: { payload: capabilityPayload, result: capabilityResult },
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
  id: natural,
  command: z.enum(Object.keys(commands) as [Command, ...Command[]]),
  payload: z.unknown(),
});

/** What an engine can do; README.md says what each is. */
export const capabilities = z.strictObject({
  sft: z.boolean(),
  stages: z.boolean(),
  lora: z.boolean(),
  critic: z.boolean(),
  prefix_baseline: z.boolean(),
  ema: z.boolean(),
  checkpoint: z.boolean(),
  completions: z.boolean(),
  kl_loss: z.boolean(),
  bitwise: z.boolean(),
  common_random_numbers: z.boolean(),
  distributed: z.boolean(),
  harness: z.boolean(),
});

/** What an engine takes of one setting, where it takes less than the configuration allows. */
export const limit = z.strictObject({
  key: z
    .string()
    .describe("path in the configuration; of an engine option that is left out its default counts"),
  when: z
    .record(z.string(), z.union([z.string(), z.boolean()]))
    .describe("further keys with the values for which it holds; empty: it always does"),
  trains: z.boolean().describe("whether it holds only where the policy is trained by RL"),
  allowed: z
    .array(z.string())
    .nullable()
    .describe("values; empty: the setting is to be left out; null: by the numbers or the pattern"),
  minimum: z.number().nullable(),
  maximum: z.number().nullable(),
  pattern: z.string().nullable().describe("regular expression that is found in it"),
  why: z.string().describe("a clause, for people"),
});

/** Every figure that an engine may report: name → what it is. */
const declared = z.record(
  z.string(),
  z.strictObject({
    unit: z.string().describe("empty: none"),
    description: z.string().describe("for people"),
  }),
);
export const declaredFigures = z.strictObject({
  update: declared.describe("of an update"),
  evaluate: declared.describe("of an evaluation"),
  stage: declared.describe("of a stage's model"),
});

/** First message of a worker, before it imports torch. */
export const hello = z.strictObject({
  kind: z.literal("hello"),
  protocol: z.int(),
  session: z.string(),
  pid: natural,
  host: z.string().describe("name of the machine that it runs on, as that has it"),
  engine: z.string(),
  version: z.string().describe("of the worker package"),
  capabilities,
  engine_options: z
    .record(z.string(), z.unknown())
    .describe("JSON Schema (draft 2020-12) of what load's engine_options may be"),
  limits: z.array(limit),
  figures: declaredFigures,
});

export const reply = z.strictObject({
  kind: z.literal("reply"),
  session: z.string(),
  id: natural,
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
  id: natural.nullable().describe("null: no request could be read"),
  error: errorKind,
  message: z.string().describe("what, where, what was expected, what to do next"),
  key: z.string().nullable().describe("config key path that led here, when known"),
  detail: z.string().nullable().describe("traceback or numbers"),
});

export const progress = z.strictObject({
  kind: z.literal("progress"),
  session: z.string(),
  id: natural,
  phase: z.string().describe("import, load, score, sample, reference, reward, update, evaluate, …"),
  done: natural,
  total: natural.describe("0: unknown"),
  unit: z.string(),
  loss: z
    .number()
    .nullable()
    .describe("of the training in hand, at its last step; null: there is none"),
});

export const fromWorker = z.discriminatedUnion("kind", [hello, reply, failure, progress]);

export type GpuState = z.infer<typeof gpuState>;
export type ScoreFailure = z.infer<typeof scoreFailure>;
export type ComponentScores = z.infer<typeof scored>;
export type Scorer = z.infer<typeof scorer>;
export type Stage = z.infer<typeof stage>;
export type TaskFigure = z.infer<typeof taskFigure>;
export type DeclaredFigures = z.infer<typeof declaredFigures>;
export type Request = z.infer<typeof request>;
export type Hello = z.infer<typeof hello>;
export type Limit = z.infer<typeof limit>;
export type Capabilities = z.infer<typeof capabilities>;
export type Reply = z.infer<typeof reply>;
export type ErrorKind = z.infer<typeof errorKind>;
export type Progress = z.infer<typeof progress>;
export type FromWorker = z.infer<typeof fromWorker>;
