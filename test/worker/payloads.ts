/** Payloads for tests: whole ones to begin with. The load is a file that the benchmarks read, too. */
import { uint32Bytes } from "../../src/protocol/arrays.js";
import type { Payload } from "../../src/protocol/messages.js";

export { loadPayload } from "./load-payload.mjs";

export function rolloutPayload(
  prompts: ArrayLike<number>,
  seed = 1,
  beta = 0.2,
): Payload<"rollout"> {
  return { prompts: uint32Bytes(prompts), seed, kl_coefficient: beta };
}

export function evaluatePayload(prompts: ArrayLike<number>, seed = 3): Payload<"evaluate"> {
  return {
    split: "test",
    prompts: uint32Bytes(prompts),
    seed,
    weights: "current",
    perplexity: true,
    samples: 3,
  };
}
