/** Opening a worker and loading a trial's models into it. */

import { createHash } from "node:crypto";
import type { Happening } from "../../journal/events.js";
import { float32Array, uint32Array, uint32Bytes } from "../../protocol/arrays.js";
import type { Capabilities, Result } from "../../protocol/messages.js";
import type { TrialAction } from "../action.js";
import { failureFacts, TrialError } from "../failure.js";
import { type Prompts, type TrialContext, workerOf } from "../trial-context.js";
import { loadPayloadFor } from "./load-payload.js";

type OpenAction = Extract<TrialAction, { kind: "open" }>;
type LoadAction = Extract<TrialAction, { kind: "load" }>;

/** A worker that opens after it was abandoned is closed, by whoever closes the context's. */
export async function open({ delay }: OpenAction, context: TrialContext): Promise<Happening> {
  if (delay > 0) {
    await context.ports.wait(delay, context.abandoned);
  }
  const worker = await context.ports.openWorker(context.trial.id, context.abandoned);
  context.worker = worker;
  const { pid, engine, version, capabilities } = worker.hello;
  return { type: "worker_opened", pid, engine, version, checkpoints: capabilities.checkpoint };
}

/**
 * @throws {TrialError} of kind `input` when the engine or the model cannot do what is asked; of kind
 *   `environment` when a file is not what this run loaded before, or exported
 */
export async function load(action: LoadAction, context: TrialContext): Promise<Happening> {
  const { experiment, trial, ports } = context;
  const worker = workerOf(context);
  const { arm, seed, stage, iterations } = trial;
  context.startedAt = ports.clock();
  context.note({ type: "trial_started", arm, seed, stage, iterations });
  requireCapabilities(context, worker.hello.capabilities, worker.hello.engine);
  const from = action.from === null ? null : await intactStart(action.from, context);
  const payload = loadPayloadFor(experiment, trial, from, action.device);
  let loaded: Result<"load">;
  try {
    loaded = await worker.call("load", payload, context.onProgress);
  } catch (error) {
    throw context.inputs.explained(error, trial);
  }
  requireContext(context, loaded.context);
  const train = promptsOf(loaded.train);
  const test = promptsOf(loaded.test);
  requirePrompts(train, "train", context);
  requirePrompts(test, "test", context);
  const trainScores = new Map(
    Array.from(train.ids, (id, index) => [id, train.scores[index]!] as const),
  );
  context.loaded = { train, test, trainScores };
  const { device, device_name, dtype, threads, parameters, versions, nondeterminism } = loaded;
  const prompts = { train: promptOrderDigest(train.ids), test: promptOrderDigest(test.ids) };
  const digests = { ...loaded.digests, prompts };
  context.inputs.require(trial, digests, action.from);
  return {
    type: "worker_ready",
    pid: worker.hello.pid,
    engine: worker.hello.engine,
    device,
    device_name,
    dtype,
    threads,
    parameters,
    versions,
    nondeterminism,
    digests,
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
      `the model ${path}, which this trial starts from, is not what was exported: ${message}; ` +
        "put its files back from a copy and resume, or start a new run",
      null,
      detail,
    );
  }
}

function promptsOf(set: Result<"load">["train"]): Prompts {
  return { ids: uint32Array(set.ids), scores: float32Array(set.scores) };
}

function requirePrompts({ ids, scores }: Prompts, split: string, context: TrialContext): void {
  if (ids.length === 0) {
    const { path } = context.experiment.data;
    throw new TrialError("input", `${path} has no ${split} prompts`, "data.path");
  }
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) {
    throw new TrialError(
      "diverged",
      `the reward model scores ${split} prompt ${ids[bad]} as ${scores[bad]}`,
      "reward.model",
    );
  }
}

function requireContext({ trial }: TrialContext, context: number): void {
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
}

function requireCapabilities(
  { experiment, trial }: TrialContext,
  has: Capabilities,
  engine: string,
): void {
  const { training } = trial.config;
  const lacking = (
    [
      [trial.sftSteps > 0 && !has.sft, "sft.steps", "supervised fine-tuning"],
      [experiment.policy.lora_rank > 0 && !has.lora, "policy.lora_rank", "LoRA"],
      [
        training.prefix_baseline && !has.prefix_baseline,
        "training.prefix_baseline",
        "the prefix baseline",
      ],
      [training.average_decay > 0 && !has.average, "training.average_decay", "averaged weights"],
    ] as const
  ).find(([lacks]) => lacks);
  if (lacking !== undefined) {
    const [, key, what] = lacking;
    throw new TrialError(
      "input",
      `the worker's engine ${engine} has no ${what}: unset ${key}`,
      key,
    );
  }
}

/**
 * A data set's prompts in their order, as one digest: what "the same data" comes down to.
 *
 * @returns sha256 of the ids as little-endian uint32, in hexadecimal
 */
function promptOrderDigest(ids: Uint32Array): string {
  return createHash("sha256").update(uint32Bytes(ids)).digest("hex");
}
