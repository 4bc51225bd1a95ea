import { mapped } from "../../stats/mapped.js";
import { solvedThreshold } from "../hinge-threshold.js";
import type { MemoryPart } from "../memory.js";
import { followed, remembered } from "../tracked.js";
import { type RewardMeasure, type RiskInput, requireBatch } from "./risk-measure.js";

/**
 * CVaR as a saturating reward: CVaR_α(R) = max_t t − E[(t − R)₊]/α (Rockafellar & Uryasev 2000), so
 * that for the right t risk-neutral training on R' = −(t − R)₊/α is training for CVaR_α(R) − β·KL, the
 * KL outside and on everybody (for KL-regularised policies arXiv 2602.16796). The control that a
 * selection of the tail has to beat.
 *
 * `threshold`: `followed` lets t follow the batches, t ← t + η(1 − [fraction of R < t]/α'), from
 * the batch's α'-quantile, which it is taken from as long as α' moves; `solved` takes from the first batch, which the untrained policy
 * sampled, the t that is best for the KL-regularised optimum; a number is t.
 *
 * @throws {RangeError} also when the threshold cannot be solved
 */
export const hinge: RewardMeasure = {
  answers: "rewards",
  rewards: (input) => {
    requireBatch(input);
    const { rewards, alpha } = input;
    const { now, memory } = thresholds(input);
    return {
      rewards: new Float32Array(mapped(rewards, (value) => -Math.max(0, now - value) / alpha)),
      ...(memory === null ? {} : { memory }),
      figures: { threshold: now },
    };
  },
  uses: { alpha: true, statistic: false },
  populations: ["batch"],
  component: "optional",
  role: "averse",
  settings: ["threshold", "tracking_rate"],
  isMean: () => false,
  trainsOn: () => ({ episodes: "all", bound: "exact" }),
  words: {
    label: "hinge",
    description: "trains on every episode, with a reward that stops to grow at a threshold",
    rule: "R' = −(t − R)⁺/α' in place of the trained reward R; t: threshold",
    follows:
      "the gradient of t − E[(t − R)⁺]/α with t in place; of CVaR_α(R) once t is its quantile",
  },
};

function thresholds(input: RiskInput): { readonly now: number; readonly memory: MemoryPart } {
  const { rewards, prompt, alpha, beta, settings, memory } = input;
  const { threshold, tracking_rate } = settings;
  if (typeof threshold === "number") {
    return { now: threshold, memory: null };
  }
  if (threshold === "solved") {
    const now = remembered(memory, "threshold", () =>
      solvedThreshold({ rewards, prompt, alpha, beta }),
    );
    return { now, memory: { threshold: now } };
  }
  return followed(rewards, { memory, name: "threshold", level: alpha, rate: tracking_rate });
}
