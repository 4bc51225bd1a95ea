/** Opening a worker and loading a trial's models into it. */

import { createHash } from "node:crypto";
import { problemWords } from "../../config/problems.js";
import { digestRole } from "../../config/rewards/components.js";
import type { EventPayload } from "../../journal/events.js";
import { uint32Array, uint32Bytes } from "../../protocol/arrays.js";
import type { Capabilities, Hello, Result } from "../../protocol/messages.js";
import { learningTerms } from "../../risk/algorithms.js";
import type { PreparedSampler } from "../../risk/samplers/prompt-sampler.js";
import { promptSamplers } from "../../risk/samplers/registry.js";
import { promptRanks } from "../../risk/samplers/smooth-weights.js";
import type { TrialAction } from "../action.js";
import { failureFacts, TrialError } from "../failure.js";
import { type Prompts, type TrialContext, workerOf } from "../trial-context.js";
import { engineViolations } from "./engine-fit.js";
import { loadPayloadFor } from "./load-payload.js";
import { scoredPrompts } from "./prompt-scores.js";
import { rewardPreview } from "./reward-preview.js";
import { withStageModels } from "./stages.js";

type OpenAction = Extract<TrialAction, { kind: "open" }>;
type LoadAction = Extract<TrialAction, { kind: "load" }>;

/** A worker that opens after it was abandoned is closed with the context's worker. */
export async function open({ delay }: OpenAction, context: TrialContext): Promise<EventPayload> {
  if (delay > 0) {
    await context.ports.wait(delay, context.abandoned);
  }
  const { trial, ports, abandoned, onProgress } = context;
  const worker = await ports.openWorker(trial.id, abandoned, (state) =>
    onProgress({ phase: "queue", done: 0, total: 0, unit: state, loss: null }),
  );
  context.worker = worker;
  const { pid, host, engine, version, capabilities, figures } = worker.hello;
  const { checkpoint: checkpoints } = capabilities;
  return { type: "worker_opened", pid, host, engine, version, checkpoints, figures };
}

/**
 * @throws {TrialError} of kind `input` when the engine or the model cannot do what is asked; of kind
 *   `environment` when a file is not what this run loaded before, or exported
 */
export async function load(action: LoadAction, context: TrialContext): Promise<EventPayload> {
  const { experiment, trial, ports } = context;
  const worker = workerOf(context);
  const { arm, seed, stage, iterations } = trial;
  context.startedAt = ports.clock();
  context.note({ type: "trial_started", arm, seed, stage, iterations });
  requireFit(context, worker.hello);
  const from = action.from === null ? null : await intactStart(action.from, context);
  const named = loadPayloadFor(experiment, trial, from, action.device);
  const payload = await withStageModels(named, action.device, context);
  let loaded: Result<"load">;
  try {
    loaded = await worker.call("load", payload, context.onProgress);
  } catch (error) {
    throw context.inputs.explained(error, trial);
  }
  requireContext(context, loaded.context);
  const promptIds = { train: uint32Array(loaded.train.ids), test: uint32Array(loaded.test.ids) };
  const digests = journalDigests(loaded.digests, promptIds);
  context.inputs.require(trial, digests, action.from);
  const train = await scoredPrompts(loaded.train, "train", loaded.digests, context);
  const test = await scoredPrompts(loaded.test, "test", loaded.digests, context);
  const preview = await rewardPreview(test.prompts.ids, test.answer, context);
  const { ids, scores } = train.prompts;
  const trainScores =
    scores === null ? null : new Map(Array.from(ids, (id, index) => [id, scores[index]!] as const));
  const { policy, reference, data } = loaded.digests;
  context.loaded = {
    train: train.prompts,
    sampler: trial.iterations > 0 ? samplerOver(train.prompts, context) : null,
    test: test.prompts,
    trainScores,
    trainRanks: smoothsKl(trial.config) && scores !== null ? promptRanks(train.prompts) : null,
    sftDigest: loaded.sft_digest,
    inputs: { policy, reference, data },
  };
  const { device, device_name, dtype, threads, processes, parameters, versions, nondeterminism } =
    loaded;
  return {
    type: "worker_ready",
    pid: worker.hello.pid,
    engine: worker.hello.engine,
    device,
    device_name,
    dtype,
    threads,
    processes,
    strategy: worker.strategy ?? null,
    parameters,
    versions,
    nondeterminism: worker.hello.capabilities.bitwise
      ? nondeterminism
      : [...nondeterminism, `the engine ${worker.hello.engine} does not promise the same bits`],
    lacks: lackingCapabilities(worker.hello.capabilities),
    model_settings: loaded.model_settings,
    digests,
    prompts: {
      train: promptIds.train.length,
      test: promptIds.test.length,
      overlap: loaded.overlap,
    },
    rows: loaded.rows,
    template: loaded.template,
    prompt_scores: Object.fromEntries(
      Object.entries({ train, test }).flatMap(([split, { told }]) =>
        told === null ? [] : [[split, told]],
      ),
    ),
    reward_preview: preview,
    memory_bytes: loaded.memory_bytes,
    gpu: loaded.gpu,
    seconds: loaded.seconds,
  };
}

/**
 * Arms that start from a model of this run must start from the very same. Before a worker opens it:
 * what is damaged may well load, or take the worker down.
 *
 * @throws {TrialError} of kind `environment`: names the file
 */
async function intactStart(path: string, { inputs, ports }: TrialContext): Promise<string> {
  try {
    return await ports.recorder.intactModel(path, inputs.exported(path) ?? {});
  } catch (error) {
    const { reason, message, detail } = failureFacts(error);
    if (reason !== "environment") {
      throw error;
    }
    throw new TrialError(
      "environment",
      `the model ${path}, from which this trial starts, has changed since it was exported: ${message}; ` +
        "restore its files from a copy and resume, or start a new run",
      null,
      detail,
    );
  }
}

function requireContext({ trial, experiment }: TrialContext, context: number): void {
  const { prompt_tokens, new_tokens } = trial.config.rollout;
  if (prompt_tokens + new_tokens > context) {
    throw new TrialError(
      "input",
      `prompts of ${prompt_tokens} tokens and ${new_tokens} new ones need ` +
        `${prompt_tokens + new_tokens} positions, but the model has ${context}: lower ` +
        "rollout.prompt_tokens or rollout.new_tokens",
      "rollout.new_tokens",
    );
  }
  const { toxicity } = experiment.evaluation;
  if (trial.reported && toxicity !== null && prompt_tokens + toxicity.new_tokens > context) {
    throw new TrialError(
      "input",
      `prompts of ${prompt_tokens} tokens and completions of ${toxicity.new_tokens} for toxicity ` +
        `need ${prompt_tokens + toxicity.new_tokens} positions, but the model has ${context}: lower ` +
        "evaluation.toxicity.new_tokens or rollout.prompt_tokens",
      "evaluation.toxicity.new_tokens",
    );
  }
  const { max_tokens } = experiment.sft;
  if (trial.fineTunes && max_tokens > context) {
    throw new TrialError(
      "input",
      `SFT texts of up to ${max_tokens} tokens need as many positions, but the model has ` +
        `${context}: set sft.max_tokens to ${context} or lower`,
      "sft.max_tokens",
    );
  }
}

function smoothsKl({ training, kl }: TrialContext["trial"]["config"]): boolean {
  return kl.weights === "smooth" && learningTerms({ training, kl }).klForm === "loss";
}

/** Once per load: strata are found here, not at every step. */
function samplerOver(train: Prompts, { trial }: TrialContext): PreparedSampler {
  const { sampling } = trial.config;
  const { strategy, strata } = sampling;
  if (strategy === "cross-entropy" && strata > train.ids.length) {
    throw new TrialError(
      "input",
      `the data have ${train.ids.length} training prompts, fewer than the ${strata} strata that they ` +
        "are to be drawn from: lower sampling.strata",
      "sampling.strata",
    );
  }
  return promptSamplers[strategy].prepare(train, sampling, trial.seed);
}

/** What a reader of the figures should know that the engine does not promise. */
function lackingCapabilities({ distributed: _, harness: __, ...promised }: Capabilities): string[] {
  return Object.entries(promised).flatMap(([name, has]) => (has ? [] : [name]));
}

function requireFit({ experiment, trial }: TrialContext, hello: Hello): void {
  const [first] = engineViolations(experiment, trial, hello);
  if (first === undefined) return;
  const { keys, ...words } = first;
  throw new TrialError("input", problemWords({ key: keys[0]!, ...words }), keys[0]!);
}

/** By part, as the journal has them: the only reward is `reward`, of several each has its name. */
function journalDigests(
  { policy, reference, data, rewards, judges, evaluation, decoding }: Result<"load">["digests"],
  ids: Readonly<Record<"train" | "test", Uint32Array>>,
): Record<string, Record<string, string>> {
  const prompts = { train: promptOrderDigest(ids.train), test: promptOrderDigest(ids.test) };
  return {
    policy,
    reference,
    ...named("reward", rewards),
    ...named("judge", judges),
    ...evaluation,
    ...decoding,
    data,
    prompts,
  };
}

function named<Files>(
  role: "reward" | "judge",
  parts: Readonly<Record<string, Files>>,
): Record<string, Files> {
  const named = Object.entries(parts);
  return Object.fromEntries(
    named.map(([name, files]) => [digestRole(role, name, named.length), files]),
  );
}

/**
 * A data set's prompts in their order, as one digest: what "the same data" comes down to.
 *
 * @returns sha256 of the ids as little-endian uint32, in hexadecimal
 */
function promptOrderDigest(ids: Uint32Array): string {
  return createHash("sha256").update(uint32Bytes(ids)).digest("hex");
}
