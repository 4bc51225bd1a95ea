/**
 * What a prompt sampler is: which prompts an iteration samples, and what each of them counts where the
 * data's own mix of prompts is wanted.
 *
 * A draw is a pure function of the seed, the step and what the sampler remembers (`memory.ts`), so that
 * a resumed run draws what the unbroken one would have drawn. Samplers that remember nothing show arms
 * of one seed the same prompts (common random numbers).
 */
import { generator, shuffled, streamSeed } from "../../stats/random.js";
import type { MemoryPart } from "../memory.js";

/** The training prompts. */
export interface PromptPool {
  readonly ids: Uint32Array;
  /** The reward model's score of each prompt alone, low is hard; null: no one needs them. */
  readonly scores: Float32Array | null;
}

/** The `sampling` section of the configuration, without the names of strategies. */
export interface SamplerSettings {
  /** stratified, replay: in [0, 1], of each batch. */
  readonly batch_fraction: number;
  /** stratified: in (0, 1), of all prompts. */
  readonly hard_fraction: number;
  /** cross-entropy: K ≥ 2. */
  readonly strata: number;
  /** cross-entropy: λ in (0, 1]. */
  readonly smoothing: number;
  /** cross-entropy: in (0, 1], of the batch. */
  readonly elite_fraction: number;
  /** cross-entropy: in (0, 1], of a stratum's natural share. */
  readonly floor: number;
  /** replay: iterations ≥ 1. */
  readonly window: number;
  /** replay: prompts ≥ 1. */
  readonly buffer: number;
}

export interface DrawRequest {
  /** B ≥ 1, in prompts. */
  readonly batch: number;
  /** m ≥ 0. */
  readonly step: number;
  /** What `learn` gave after the step before; null: nothing yet. */
  readonly memory: MemoryPart;
}

export interface DrawnPrompts {
  /** B prompt ids, in the batch's order. */
  readonly prompts: Uint32Array;
  /** Which of them came from the hard stratum, 1 or 0. */
  readonly isHard: Uint8Array;
  /** How many of them came from the hard stratum; 0 under `uniform`. */
  readonly hard: number;
  /**
   * What a prompt counts where the natural mix is wanted: its share of all prompts over the share of
   * the batch that it is drawn with, given all that was drawn before. 1 under `uniform`, of mean 1 in
   * expectation wherever every prompt can be drawn.
   */
  readonly naturalWeights: Float64Array;
  /** The parts of the prompts that are drawn from apart, the hardest first; empty under `uniform`. */
  readonly strata: readonly StratumShare[];
  /** Which of them each prompt was drawn from; 0 under `uniform`. */
  readonly part: Uint32Array;
}

export interface StratumShare {
  /** Of the batch, in expectation. */
  readonly sampled: number;
  /** Of all prompts. */
  readonly natural: number;
}

/** How a batch turned out, for samplers that learn from it. */
export interface BatchOutcome {
  readonly drawn: DrawnPrompts;
  /** m. */
  readonly step: number;
  /** What the episodes are ranked by, low is bad, grouped by prompt; NaN: without a reward. */
  readonly ranking: Float32Array;
  /** Episodes per prompt, ≥ 1. */
  readonly completions: number;
  /** The target α, in (0, 1]. */
  readonly alpha: number;
  readonly memory: MemoryPart;
}

/** A sampler over the prompts of one load, its strata found. */
export interface PreparedSampler {
  /** @throws {RangeError} when a number is out of range, or a stratum that is drawn from is empty */
  readonly draw: (request: DrawRequest) => DrawnPrompts;
  /** What it carries into the next step; null: it remembers nothing. */
  readonly learn: ((outcome: BatchOutcome) => MemoryPart) | null;
}

export interface PromptSampler {
  /** Settings that it goes by. */
  readonly reads: readonly (keyof SamplerSettings)[];
  /** It draws by the prompts' scores. */
  readonly needsScores: boolean;
  /** Hard prompts come more often than in the data. */
  readonly drawsHardMore: boolean;
  /** `sampling.importance` where that is null. */
  readonly importance: "off" | "weights";
  /** One sentence, without its full stop. */
  readonly description: string;
  /**
   * @param seed the trial's root seed
   * @throws {RangeError} when the prompts do not fit the settings
   */
  readonly prepare: (pool: PromptPool, settings: SamplerSettings, seed: number) => PreparedSampler;
}

/**
 * The parts of a batch in one order: drawn part by part, then mixed, so that no place in the batch is
 * the hard prompts'.
 *
 * @returns each place's part and its prompt
 */
export function mixedParts(
  parts: readonly Uint32Array[],
  seed: number,
  step: number,
): { readonly prompts: Uint32Array; readonly part: Uint32Array } {
  const drawn = parts.flatMap((ids, part) => Array.from(ids, (id) => ({ id, part })));
  const order = shuffled(drawn.length, generator(streamSeed(seed, "prompts/order", step)));
  return {
    prompts: order.map((place) => drawn[place]!.id),
    part: order.map((place) => drawn[place]!.part),
  };
}
