/** A rollout and an update with nothing special about them: of probes, the conformance suite, tests and benchmarks. */
import { float32Bytes, uint32Bytes } from "./arrays.js";
import type { Payload } from "./messages.js";

export function plainRollout(
  prompts: ArrayLike<number>,
  seed = 1,
  beta: number | null = 0.2,
  completions = 1,
): Payload<"rollout"> {
  const asked = { prompts: uint32Bytes(prompts), completions, condition: null };
  return { ...asked, seed, kl_coefficient: beta };
}

/** Of some weights on the critic's advantages, or of whatever the changes say instead. */
export function plainUpdate(
  rollout: number,
  weights: ArrayLike<number> | null,
  changes: Partial<Payload<"update">> = {},
): Payload<"update"> {
  return {
    rollout,
    weights: weights === null ? null : float32Bytes(weights),
    rewards: null,
    advantages: null,
    conditions: null,
    kl_weights: null,
    kl_loss: null,
    whiten: "kept",
    loss_aggregation: "token-mean",
    steps_per_epoch: null,
    seed: 1,
    learning_rate_factor: 1,
    ...changes,
  };
}

/** The same numbers as weights where the worker has a critic, as advantages where it has none. */
export function learningBy(
  critic: boolean,
  numbers: ArrayLike<number>,
): Pick<Payload<"update">, "weights" | "advantages"> {
  const bytes = float32Bytes(numbers);
  return { weights: critic ? bytes : null, advantages: critic ? null : bytes };
}
