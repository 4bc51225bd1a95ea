import { requireInteger, requireSameLength } from "../../stats/checks.js";
import { worst } from "../selection.js";
import { tailCount } from "../tail.js";
import { mixedParts, type PromptPool, type PromptSampler } from "./prompt-sampler.js";
import { promptWalk } from "./prompt-walk.js";

/**
 * A fixed fraction of every batch from the prompts with the worst scores: the fixed-strata form of the
 * hard-case sampling in Greenberg et al., NeurIPS 2022. Within a stratum every prompt comes once before
 * any comes again.
 */
export const stratifiedSampler: PromptSampler = {
  reads: ["batch_fraction", "hard_fraction"],
  needsScores: true,
  drawsHardMore: true,
  importance: "off",
  description: "a fixed fraction of each batch from the prompts with the worst prompt scores",
  prepare: (pool, settings, seed) => {
    const { batch_fraction, hard_fraction } = settings;
    const { hardIds, otherIds } = strata(pool, batch_fraction, hard_fraction);
    const hardWalk = promptWalk(hardIds, seed, "prompts/hard");
    const otherWalk = promptWalk(otherIds, seed, "prompts/other");
    const hardNatural = hardIds.length / pool.ids.length;
    const otherNatural = otherIds.length / pool.ids.length;
    return {
      draw: ({ batch, step }) => {
        requireInteger(batch, "batch", 1);
        requireInteger(step, "step", 0);
        const hard = Math.round(batch * batch_fraction);
        const others = batch - hard;
        const parts = [hardWalk(step * hard, hard), otherWalk(step * others, others)];
        const { prompts, part } = mixedParts(parts, seed, step);
        const isHard = Uint8Array.from(part, (one) => (one === 0 ? 1 : 0));
        const natural = {
          hard: hardNatural * (batch / hard),
          other: otherNatural * (batch / others),
        };
        return {
          prompts,
          hard,
          isHard,
          naturalWeights: Float64Array.from(isHard, (one) =>
            one === 1 ? natural.hard : natural.other,
          ),
          strata: [
            { sampled: hard / batch, natural: hardNatural },
            { sampled: others / batch, natural: otherNatural },
          ],
          part,
        };
      },
      learn: null,
    };
  },
};

function strata({ ids, scores }: PromptPool, batchFraction: number, hardFraction: number) {
  requireSameLength(ids, "ids", scores ?? [], "scores");
  if (!(batchFraction >= 0 && batchFraction <= 1)) {
    throw new RangeError(`batch_fraction is ${batchFraction}: a fraction in [0, 1] is needed`);
  }
  if (!(hardFraction > 0 && hardFraction < 1)) {
    throw new RangeError(`hard_fraction is ${hardFraction}: a fraction in (0, 1) is needed`);
  }
  const hard = new Uint8Array(ids.length);
  for (const index of worst(scores ?? [], ids.length && tailCount(ids.length, hardFraction))) {
    hard[index] = 1;
  }
  return {
    hardIds: ids.filter((_, index) => hard[index] === 1),
    otherIds: ids.filter((_, index) => hard[index] === 0),
  };
}
