/** What performing a trial's actions needs, and what lives only while its worker does. */
import type { Experiment } from "../config/schema/experiment.js";
import type { Trial } from "../config/trials.js";
import type { EventPayload } from "../journal/events.js";
import type { PreparedSampler } from "../risk/samplers/prompt-sampler.js";
import type { ProgressListener, Worker } from "../worker/contract.js";
import type { Ports, StoredArtifact } from "./ports.js";
import type { RecordedInputs } from "./recorded-inputs.js";
import type { RecordedStages } from "./recorded-stages.js";

export interface Prompts {
  readonly ids: Uint32Array;
  /** Combined raw reward of the prompt alone, aligned with `ids`; null: the trial needs none. */
  readonly scores: Float32Array | null;
}

/** A worker with its models in memory. */
export interface Loaded {
  readonly train: Prompts;
  /** Over the training prompts; null: the trial does not train. */
  readonly sampler: PreparedSampler | null;
  /** Prompt id → score; null: the trial needs none. */
  readonly trainScores: ReadonlyMap<number, number> | null;
  /** Prompt id → rank by score in [0, 1], 0 the worst; null: `kl.weights` does not go by it. */
  readonly trainRanks: ReadonlyMap<number, number> | null;
  readonly test: Prompts;
  /** Of all that fine-tuning what was loaded follows from, but for its options. */
  readonly sftDigest: string;
  /** What fine-tuning begins with, by role: file → sha256. */
  readonly inputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface TrialContext {
  readonly experiment: Experiment;
  readonly trial: Trial;
  readonly ports: Ports;
  /** Of the whole run. */
  readonly inputs: RecordedInputs;
  /** Of the whole run. */
  readonly stages: RecordedStages;
  /** Aborted: the action in hand, or a worker that opens, is no longer awaited. */
  readonly abandoned: AbortSignal;
  readonly onProgress: ProgressListener;
  /** Journals something that ends no action. */
  note(eventPayload: EventPayload): void;
  worker: Worker | null;
  loaded: Loaded | null;
  /** The kept checkpoint that the worker stands at, right after SFT; null: it is not kept. */
  fineTuned: StoredArtifact | null;
  /** It waits for what another process makes: nothing of its worker is in hand. */
  waits: boolean;
  /** Clock at trial_started. */
  startedAt: number;
  /** Clock at the end of the last step, while nothing but its journalling came after it. */
  stepEndedAt: number | null;
  /** The worst episodes' texts could not be had; this worker is not asked again. */
  textless: boolean;
  /** The policy has diverged, and a warning has said so. */
  diverged: boolean;
}

/** @throws {Error} when no worker is open: a fault of the engine */
export function workerOf(context: TrialContext): Worker {
  if (context.worker === null) {
    throw new Error(`${context.trial.id} has no worker`);
  }
  return context.worker;
}

/** @throws {Error} when the worker has not loaded: a fault of the engine */
export function loadedOf(context: TrialContext): Loaded {
  if (context.loaded === null) {
    throw new Error(`${context.trial.id} has not loaded`);
  }
  return context.loaded;
}
