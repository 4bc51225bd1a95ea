/**
 * Which episodes have a reward. One that failed (timeout, exception, NaN) is never scored 0: it is
 * in no figure, no ranking and no update, and too many of them stop the run.
 */
import { uint32Array } from "../protocol/arrays.js";
import type { RewardFailure } from "../protocol/messages.js";
import { TrialError } from "./failure.js";

/** Reasons that a message tells; the detail has all. */
const TOLD = 3;

/** Under two there is no tail that differs from the batch. */
const LEAST = 2;

export function failedEpisodes(failures: readonly RewardFailure[]): ReadonlySet<number> {
  return new Set(failures.flatMap(({ episodes }) => [...uint32Array(episodes)]));
}

/** The others of `count` episodes, ascending. */
export function scoredEpisodes(count: number, failed: ReadonlySet<number>): Uint32Array {
  return Uint32Array.from({ length: count }, (_, episode) => episode).filter(
    (episode) => !failed.has(episode),
  );
}

/** The values of these episodes, in this order. */
export function taken(values: ArrayLike<number>, episodes: Uint32Array): Float32Array {
  return Float32Array.from(episodes, (episode) => values[episode]!);
}

/** A copy with NaN where the reward failed, whatever the worker sent there. */
export function blanked(values: Float32Array, failed: ReadonlySet<number>): Float32Array {
  return values.map((value, episode) => (failed.has(episode) ? Number.NaN : value));
}

/**
 * Tells of failed rewards, where they are few enough to go on without.
 *
 * @param what whose rewards, as in "rewards of step 3"
 * @param prompts id of each episode's prompt
 * @param maxShare `reward.max_failed_share`, in [0, 1]
 * @returns a sentence for the journal; null: none failed
 * @throws {TrialError} of kind `reward` when more failed than that share of them, or fewer than two
 *   are left
 */
export function failedRewards(
  what: string,
  failures: readonly RewardFailure[],
  prompts: Uint32Array,
  maxShare: number,
): string | null {
  const failed = failedEpisodes(failures).size;
  if (failed === 0) {
    return null;
  }
  const reasons = failures.map(({ kind, message, episodes }) => {
    const [first, ...more] = uint32Array(episodes);
    const others = more.length > 0 ? ` and ${more.length} more` : "";
    return `${kind}: ${message} (episode ${first}, prompt ${prompts[first!]}${others})`;
  });
  const untold = reasons.length > TOLD ? `; and ${reasons.length - TOLD} reasons more` : "";
  const share = `${failed} of ${prompts.length} ${what} failed`;
  const why = `${reasons.slice(0, TOLD).join("; ")}${untold}`;
  const limit =
    failed > maxShare * prompts.length
      ? `more than reward.max_failed_share ${maxShare} allows`
      : prompts.length - failed < LEAST
        ? `and fewer than ${LEAST} are left`
        : null;
  if (limit !== null) {
    throw new TrialError(
      "reward",
      `${share}, ${limit}: ${why}. Nothing was learned from them: mend what made them fail and ` +
        "resume (reward.timeout_seconds bounds the time of a batch of texts)",
      "reward.max_failed_share",
      reasons.join("\n"),
    );
  }
  return `${share} and ${failed === 1 ? "is" : "are"} left out: ${why}`;
}
