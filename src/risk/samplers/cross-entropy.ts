import { requireFraction, requireInteger } from "../../stats/checks.js";
import { generator, streamSeed } from "../../stats/random.js";
import type { MemoryPart } from "../memory.js";
import { tailCount } from "../tail.js";
import { weightedTail } from "../weighted-tail.js";
import {
  type BatchOutcome,
  mixedParts,
  type PromptSampler,
  type SamplerSettings,
} from "./prompt-sampler.js";
import { promptWalk } from "./prompt-walk.js";
import { quantileStrata } from "./strata.js";

/**
 * The cross-entropy sampler of Greenberg et al., "Efficient Risk-Averse Reinforcement Learning"
 * (CeSoR), NeurIPS 2022, over strata of prompts: the sampling distribution moves towards the strata
 * whose episodes land in the tail. With p the strata's natural shares, each step draws from
 *
 *   q = floor·p + (1 − floor)·φ,   w = p/q ≤ 1/floor  (importance weight of a prompt)
 *
 * and then moves φ towards the elite, the episodes with R ≤ r:
 *
 *   r = max( VaR_α of the natural mix, the ⌈elite_fraction·B⌉-th lowest R of the batch )
 *   φ_k ← (1 − λ)·φ_k + λ·Σ_{i in k} w_i·1[R_i ≤ r] / Σ_i w_i·1[R_i ≤ r],   λ: smoothing
 *
 * The sum over strata is the maximum-likelihood update of the cross-entropy method, with the importance
 * weights that make its target the natural mix's tail; at r = VaR_α the last episode counts in part. CeSoR takes VaR_α from the part of the batch that
 * it draws from the original distribution; with strata that part is the floor, and the weighted quantile
 * of the whole batch serves.
 *
 * A stratum gets ⌊Bq_k⌋ or one more of a batch's prompts, Bq_k in expectation (systematic sampling), and
 * walks through its own prompts.
 */
export const crossEntropySampler: PromptSampler = {
  reads: ["strata", "smoothing", "elite_fraction", "floor"],
  needsScores: true,
  drawsHardMore: true,
  importance: "weights",
  description: "strata by prompt score, those more often whose episodes land in the tail",
  prepare: (pool, settings, seed) => {
    requireSettings(settings);
    const strata = quantileStrata(pool, settings.strata);
    const natural = strata.map(({ length }) => length / pool.ids.length);
    const walks = strata.map((ids, at) => promptWalk(ids, seed, `prompts/stratum-${at}`));
    const stateOf = (memory: MemoryPart) => ({
      shares: known(memory?.shares, strata.length) ?? natural,
      drawn: known(memory?.drawn, strata.length) ?? strata.map(() => 0),
    });
    return {
      draw: ({ batch, step, memory }) => {
        requireInteger(batch, "batch", 1);
        requireInteger(step, "step", 0);
        const { shares, drawn } = stateOf(memory);
        const sampled = natural.map(
          (own, at) => settings.floor * own + (1 - settings.floor) * shares[at]!,
        );
        const start = generator(streamSeed(seed, "prompts/strata", step))();
        const counts = allocated(sampled, batch, start);
        const parts = counts.map((count, at) => walks[at]!(drawn[at]!, count));
        const { prompts, part } = mixedParts(parts, seed, step);
        return {
          prompts,
          hard: counts[0]!,
          isHard: Uint8Array.from(part, (one) => (one === 0 ? 1 : 0)),
          naturalWeights: Float64Array.from(part, (one) => natural[one]! / sampled[one]!),
          strata: sampled.map((own, at) => ({ sampled: own, natural: natural[at]! })),
          part,
        };
      },
      learn: (outcome) => {
        const { shares, drawn } = stateOf(outcome.memory);
        const { counts, target } = eliteShares(outcome, strata.length, settings.elite_fraction);
        return {
          shares: shares.map(
            (own, at) => (1 - settings.smoothing) * own + settings.smoothing * target[at]!,
          ),
          drawn: drawn.map((own, at) => own + counts[at]!),
        };
      },
    };
  },
};

function requireSettings({ smoothing, elite_fraction, floor }: SamplerSettings): void {
  requireFraction(smoothing, "smoothing");
  requireFraction(elite_fraction, "elite_fraction");
  requireFraction(floor, "floor");
}

/** @throws {RangeError} when what is remembered is of other strata */
function known(
  remembered: number | readonly number[] | undefined,
  strata: number,
): readonly number[] | null {
  if (remembered === undefined) {
    return null;
  }
  if (!Array.isArray(remembered) || remembered.length !== strata) {
    throw new RangeError(`the sampler remembers other strata than these ${strata}`);
  }
  return remembered;
}

/**
 * How many of `batch` equally spaced points, the first at `start` of one spacing, fall into each share:
 * ⌊B·share⌋ or one more, B·share in expectation over `start` in [0, 1).
 */
function allocated(shares: readonly number[], batch: number, start: number): number[] {
  let [sum, placed] = [0, 0];
  return shares.map((share, at) => {
    sum += share * batch;
    // Points lie at start, start + 1, …; the last stratum has all that rounding left.
    const below = at === shares.length - 1 ? batch : Math.ceil(sum - start);
    const count = Math.max(0, Math.min(below, batch) - placed);
    placed += count;
    return count;
  });
}

/** Prompts drawn of each stratum, and its share of the elite's weight. */
function eliteShares(
  { drawn, ranking, completions, alpha }: BatchOutcome,
  strata: number,
  eliteFraction: number,
): { readonly counts: number[]; readonly target: number[] } {
  const { naturalWeights, part } = drawn;
  const counts = new Array<number>(strata).fill(0);
  for (const stratum of part) {
    counts[stratum]! += 1;
  }
  const scored = Uint32Array.from(ranking.keys()).filter((at) => !Number.isNaN(ranking[at]));
  const placeOf = (episode: number) => Math.floor(episode / completions);
  const values = Float64Array.from(scored, (episode) => ranking[episode]!);
  const weights = Float64Array.from(scored, (episode) => naturalWeights[placeOf(episode)]!);
  const tail = weightedTail(values, weights, alpha);
  const ofBatch = values.toSorted()[tailCount(values.length, eliteFraction) - 1]!;
  const isElite = (at: number) => (values[at]! <= ofBatch ? 1 : 0);
  const partOf = tail.var < ofBatch ? isElite : (at: number) => tail.parts[at]!;
  const target = new Array<number>(strata).fill(0);
  let total = 0;
  for (const [at, weight] of weights.entries()) {
    target[part[placeOf(scored[at]!)]!]! += weight * partOf(at);
    total += weight * partOf(at);
  }
  return { counts, target: target.map((sum) => sum / total) };
}
