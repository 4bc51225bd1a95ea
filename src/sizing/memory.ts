/**
 * Memory by phase, in bytes: on a CPU of the whole worker process, on a GPU of its tensors there.
 * Trained weights, gradients and moments are float32 whatever the number format is.
 *
 * Gradients and activations are added up, though gradients are cleared before the next forward pass:
 * freed blocks stay with the process, and those of gradients lie between moments, where few activations
 * fit (measured at 124M parameters: of 582 MB free, 315 MB were taken again).
 *
 * Activations that one layer keeps for its backward pass, in numbers per token, as torch's
 * saved-tensor hooks count them on the worker's models: 8d + 2·inner (GPT-2), 9d + 4·inner (gated,
 * Llama), and where attention is not fused length · heads.
 */
import { adapterParameters, matrixParameters } from "./model-shape.js";
import type { Workload } from "./workload.js";

const FLOAT = 4;
/** Numbers per parameter that AdamW keeps. */
const MOMENTS = 2;
/**
 * What a process on a CPU has beside its tensors: measured, alike at three model sizes
 * (docs/benchmarks.md#plan says of what each is made up). None of it is in a GPU's memory.
 */
const HOST = {
  /** Python, torch and transformers as imported. */
  libraries: 460e6,
  /** Data and tokenizer, what reading them leaves in the heap, code that loading runs. */
  data: 50e6,
  /** Buffers of matrix products, and code that computing runs. */
  kernels: 33e6,
} as const;
/** Rows whose logits are computed at once (`log_probs.py`); on a CPU as many as have so many logits, too. */
const CHUNK_ROWS = { cpu: 128, gpu: 2048 } as const;
const CHUNK_LOGITS = 2 ** 20;
/** Episodes per forward pass without gradients, where rollout.minibatch sets no limit. */
const REFERENCE_BATCH = 64;

export type HeldPart =
  | "parameters"
  | "reference"
  | "scorers"
  | "ema"
  | "gradients"
  | "optimizer"
  | "kv_cache"
  | "activations"
  | "logits"
  | "weights_cast"
  | "gathered"
  | "libraries"
  | "data"
  | "kernels";

export type HeldParts = Readonly<Partial<Record<HeldPart, number>>>;

export type MemoryPhase = "load" | "rollout" | "reference" | "update";

export interface MemoryPlan {
  /** What is in memory in each phase. */
  readonly phases: Readonly<Record<MemoryPhase, HeldParts>>;
  readonly peak: { readonly phase: MemoryPhase; readonly bytes: number };
}

/** What the processes of one worker divide. */
export interface Division {
  /** That divide each batch. */
  readonly processes: number;
  /** They divide policy, optimizer, EMA weights and reference as well, by rows, as `--strategy fsdp` does. */
  readonly isSharded: boolean;
  /** Beside its rows, each has a whole policy for updates, as `--strategy deepspeed` does. */
  readonly copiesPolicy: boolean;
}

export const undivided: Division = { processes: 1, isSharded: false, copiesPolicy: false };

/** Of each process. */
export function memoryOf(work: Workload, division: Division = undivided): MemoryPlan {
  const { processes, isSharded } = division;
  const kept = keptParts(work);
  const trained = trainedParameters(work);
  const gradients = FLOAT * trained;
  const computing = work.onGpu ? kept : { ...kept, kernels: HOST.kernels };
  // Made in the first update, and there ever after.
  const optimizer = MOMENTS * FLOAT * trained;
  const learned = { ...computing, gradients, optimizer };
  const parts = {
    rollout: rolloutParts(work, processes),
    reference: referenceParts(work, processes),
    update: updateParts(work, processes),
  };
  const phases = isSharded
    ? shardedPhases(work, { ...learned, gradients: 0 }, parts, division)
    : {
        load: kept,
        rollout: { ...learned, ...parts.rollout },
        reference: { ...learned, ...parts.reference },
        update: { ...learned, ...parts.update, ...leftOf(parts.rollout, optimizer, work) },
      };
  const [phase, bytes] = (Object.entries(phases) as [MemoryPhase, HeldParts][])
    .map(([name, parts]) => [name, totalOf(parts)] as const)
    .reduce((most, one) => (one[1] > most[1] ? one : most));
  return { phases, peak: { phase, bytes } };
}

/** On a CPU the place of the KV cache stays in the heap; moments fill it, but activations do not. */
function leftOf({ kv_cache = 0 }: HeldParts, optimizer: number, { onGpu }: Workload): HeldParts {
  const left = kv_cache - optimizer;
  return onGpu || left <= 0 ? {} : { kv_cache: left };
}

/** Every process has its rows, and what is whole for a while beside them (docs/backends.md). */
function shardedPhases(
  work: Workload,
  learned: HeldParts,
  parts: Readonly<Record<Exclude<MemoryPhase, "load">, HeldParts>>,
  { processes, copiesPolicy }: Division,
): MemoryPlan["phases"] {
  const { policy, ownReference, frozenBytes, exactKl } = work;
  const divided = (held: number | undefined) => (held === undefined ? 0 : held / processes);
  const wholePolicy = learned.parameters!;
  const own: HeldParts = {
    ...learned,
    // DeepSpeed keeps its part of the copy once more, for AdamW.
    parameters: divided(wholePolicy) + (copiesPolicy ? wholePolicy + divided(wholePolicy) : 0),
    optimizer: divided(learned.optimizer),
    ...(learned.reference === undefined ? {} : { reference: divided(learned.reference) }),
    ...(learned.ema === undefined ? {} : { ema: divided(learned.ema) }),
  };
  const head = policy.vocabulary * policy.width;
  // FSDP2 reads the next block while it computes one; embeddings and head stay for the pass.
  const blocks = copiesPolicy ? 0 : FLOAT * (2 * matrixParameters(policy) + head);
  return {
    load: keptParts(work),
    rollout: { ...own, ...parts.rollout, gathered: wholePolicy },
    reference: { ...own, ...parts.reference, gathered: learned.reference ?? wholePolicy },
    update: {
      ...own,
      ...parts.update,
      gradients: divided(FLOAT * trainedParameters(work)),
      gathered: blocks + (exactKl && ownReference ? frozenBytes * head : 0),
    },
  };
}

export function totalOf(parts: HeldParts): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

/** Numbers that are trained; a critic's head is a vector. */
export function trainedParameters({ policy, loraRank }: Workload): number {
  return loraRank > 0 ? adapterParameters(policy, loraRank) : policy.parameters;
}

/** From the load to the end. */
function keptParts(work: Workload): HeldParts {
  const { policy, scorers, loraRank, ownReference, frozenBytes, computeBytes, hasEma } = work;
  const adapter = loraRank > 0 ? FLOAT * adapterParameters(policy, loraRank) : 0;
  const scoring = scorers.reduce((sum, { parameters }) => sum + parameters, 0);
  // Under an adapter the frozen base is in the number format of the matrix products.
  const base = (loraRank > 0 ? computeBytes : FLOAT) * policy.parameters;
  return {
    ...(work.onGpu ? {} : { libraries: HOST.libraries, data: HOST.data }),
    parameters: base + adapter,
    ...(ownReference ? { reference: frozenBytes * policy.parameters } : {}),
    ...(scoring > 0 ? { scorers: frozenBytes * scoring } : {}),
    ...(hasEma ? { ema: FLOAT * trainedParameters(work) } : {}),
  };
}

function rolloutParts(work: Workload, processes: number): HeldParts {
  const { policy, promptTokens, newTokens, samplingBatch, completions } = work;
  const rows = Math.min(samplingBatch, Math.ceil(work.batch / processes));
  const length = promptTokens + newTokens - 1;
  const { layers, keyWidth } = policy;
  // Prompts are read once however many completions they have.
  const read = transientOf(work, Math.ceil(rows / completions), promptTokens);
  return {
    kv_cache: work.computeBytes * 2 * layers * rows * length * keyWidth,
    activations: read,
    // Logits, their exponentials and the running sum of these.
    logits: 3 * FLOAT * rows * policy.vocabulary,
    ...castWeights(work),
  };
}

function referenceParts(work: Workload, processes: number): HeldParts {
  const { promptTokens, newTokens, samplingBatch, batch } = work;
  const limit = samplingBatch < batch ? samplingBatch : REFERENCE_BATCH;
  const rows = Math.min(limit, Math.ceil(batch / processes));
  return {
    activations: transientOf(work, rows, promptTokens + newTokens - 1),
    // And their exponentials.
    logits: 2 * chunkLogits(work, rows * newTokens),
    ...castWeights(work),
  };
}

function updateParts(work: Workload, processes: number): HeldParts {
  const { policy, promptTokens, newTokens, microbatch, minibatch, hasCheckpointing } = work;
  const rows = Math.min(microbatch, Math.ceil(minibatch / processes));
  const length = promptTokens + newTokens - 1;
  const layer = keptOfLayer(work, rows, length);
  const inputs = FLOAT * rows * length * policy.width;
  const layers = hasCheckpointing
    ? policy.layers * inputs + 2 * layer
    : policy.layers * layer + 2 * inputs;
  // Softmax of the response's tokens, overwritten by its gradient; the exact KL keeps one more.
  const softmax = FLOAT * rows * newTokens * policy.vocabulary * (work.exactKl ? 2 : 1);
  const logits = softmax + chunkLogits(work, rows * newTokens);
  // The gradient of the head is made whole before it is added to that of the embedding.
  const head = work.loraRank > 0 ? 0 : FLOAT * policy.vocabulary * policy.width;
  // On a CPU what a layer has freed stays in the heap, while large logits are mapped beside it.
  const freed = work.onGpu ? 0 : transientOf(work, rows, length);
  return { activations: layers + freed + head, logits, ...castWeights(work) };
}

/** Logits that are made at once on the way to log-probabilities of `tokens`. */
function chunkLogits({ policy, onGpu }: Workload, tokens: number): number {
  const most = onGpu
    ? CHUNK_ROWS.gpu
    : Math.max(CHUNK_ROWS.cpu, Math.floor(CHUNK_LOGITS / policy.vocabulary));
  return FLOAT * Math.min(tokens, most) * policy.vocabulary;
}

/** What one layer keeps for its backward pass. */
function keptOfLayer(work: Workload, rows: number, length: number): number {
  const { policy, computeBytes, onGpu } = work;
  const { width, inner, heads, isGated } = policy;
  const perToken = isGated ? 9 * width + 4 * inner : 8 * width + 2 * inner;
  // Attention on GPUs is fused and keeps none.
  const scores = onGpu ? 0 : rows * heads * length * length;
  return computeBytes * rows * length * perToken + FLOAT * scores;
}

/** What a pass without gradients holds at once: one layer's. */
function transientOf(work: Workload, rows: number, length: number): number {
  const { policy, computeBytes, onGpu } = work;
  const { width, inner, heads, isGated } = policy;
  const perToken = 4 * width + (isGated ? 3 : 2) * inner;
  const scores = onGpu ? 0 : 2 * rows * heads * length * length;
  return computeBytes * rows * length * perToken + FLOAT * scores;
}

/** Autocast keeps a copy of the trained weights in half precision for the length of a pass. */
function castWeights({ policy, computeBytes, loraRank }: Workload): HeldParts {
  return computeBytes === FLOAT || loraRank > 0
    ? {}
    : { weights_cast: computeBytes * policy.parameters };
}
