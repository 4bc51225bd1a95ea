/** The per-episode arrays of a rollout, looked over before anything is learned from them. */
import { float32Array, uint32Array } from "../protocol/arrays.js";
import type { Result } from "../protocol/messages.js";
import { TrialError } from "./failure.js";
import { blanked } from "./scored-episodes.js";

export interface EpisodeArrays {
  readonly rewards: Float32Array;
  readonly kl: Float32Array;
  readonly returns: Float32Array;
  readonly lambdaReturns: Float32Array;
  readonly lengths: Uint32Array;
}

/**
 * @param failed episodes without a reward: NaN in rewards and returns
 * @throws {TrialError} of kind `diverged` when another figure is NaN or infinite
 */
export function readEpisodes(
  rolled: Result<"rollout">,
  prompts: Uint32Array,
  failed: ReadonlySet<number>,
): EpisodeArrays {
  const arrays = {
    rewards: blanked(float32Array(rolled.reward), failed),
    kl: float32Array(rolled.kl),
    returns: blanked(float32Array(rolled.return), failed),
    lambdaReturns: blanked(float32Array(rolled.lambda_return), failed),
    lengths: uint32Array(rolled.length),
  };
  requireFiniteEpisodes(arrays, prompts, failed);
  return arrays;
}

/** An update from such a batch would spoil the weights for good. */
function requireFiniteEpisodes(
  arrays: EpisodeArrays,
  prompts: Uint32Array,
  failed: ReadonlySet<number>,
): void {
  for (const name of ["rewards", "kl", "returns", "lambdaReturns"] as const) {
    const values = arrays[name];
    const bad = [...values.keys()].filter(
      (episode) => !Number.isFinite(values[episode]) && (name === "kl" || !failed.has(episode)),
    );
    if (bad.length > 0) {
      const listed = bad
        .slice(0, 20)
        .map((episode) => `episode ${episode} (prompt ${prompts[episode]}): ${values[episode]}`);
      throw new TrialError(
        "diverged",
        `${bad.length} of ${values.length} episodes have ${name} that are not finite, the first ` +
          `${listed[0]}; no update was made`,
        null,
        listed.join("\n"),
      );
    }
  }
}
