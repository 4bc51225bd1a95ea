/** The KL where it is a term of the loss: whose it is a mean over, and what the journal says of it. */
import type { ArmConfig } from "../../config/schema/experiment.js";
import type { EventPayload } from "../../journal/events.js";
import type { DrawnPrompts } from "../../risk/samplers/prompt-sampler.js";
import { smoothedWeights } from "../../risk/samplers/smooth-weights.js";
import { mean } from "../../stats/intervals.js";

type KlLossFigures = NonNullable<Extract<EventPayload, { type: "step" }>["kl_loss"]>;

/**
 * What each prompt's episodes count in the KL, before some of the dropped ones are left out.
 *
 * @param ranks by prompt id, in [0, 1]; null: the prompts have no scores, and `smooth` nothing to go by
 * @throws {RangeError} when a prompt that is to be smoothed over has no rank
 */
export function klBase(
  { weights }: Pick<ArmConfig["kl"], "weights">,
  { prompts, naturalWeights, strata }: DrawnPrompts,
  ranks: ReadonlyMap<number, number> | null,
): Float64Array {
  if (weights === "natural") {
    return naturalWeights;
  }
  if (weights === "sqrt") {
    return naturalWeights.map(Math.sqrt);
  }
  const [hardest] = strata;
  if (weights === "sampled" || hardest === undefined) {
    return new Float64Array(prompts.length).fill(1);
  }
  const own = Float64Array.from(prompts, (id) => ranks?.get(id) ?? Number.NaN);
  return smoothedWeights(strata, own, 2 * hardest.natural);
}

/** Mean KL over the mix of prompts that the loss is a mean over, nats per episode. */
export function weightedKl(kl: Float32Array, base: Float64Array): number {
  const sum = base.reduce((total, weight) => total + weight, 0);
  return kl.reduce((total, value, episode) => total + value * base[episode]!, 0) / sum;
}

/**
 * @param klWeights null: β is 0, no episode carries the loss
 * @param isHard 1 for the episodes of hard prompts
 */
export function klLossFigures(
  form: KlLossFigures["form"],
  klWeights: Float32Array | null,
  kl: Float32Array,
  isHard: Uint8Array,
): KlLossFigures {
  const hard = kl.filter((_, episode) => isHard[episode] === 1);
  const other = kl.filter((_, episode) => isHard[episode] === 0);
  return {
    form,
    episodes: klWeights?.filter((weight) => weight > 0).length ?? 0,
    strata: hard.length > 0 && other.length > 0 ? { hard: mean(hard), other: mean(other) } : null,
  };
}
