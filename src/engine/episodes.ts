/** The per-episode arrays of a rollout, looked over before anything is learned from them. */
import { componentKey, type RewardConfig, rewardComponents } from "../config/rewards/components.js";
import { float32Array, uint32Array } from "../protocol/arrays.js";
import type { ComponentScores, Result, ScoreFailure } from "../protocol/messages.js";
import { weightedMean } from "../risk/weighted-tail.js";
import { mean } from "../stats/intervals.js";
import { TrialError } from "./failure.js";

export interface EpisodeArrays {
  /** Raw, combined. */
  readonly rewards: Float32Array;
  /** What is trained on, before discount and KL: Σ of `trainedByComponent`. */
  readonly trained: Float32Array;
  /** What each reward component adds to the trained reward, by name; NaN where any of them failed. */
  readonly trainedByComponent: Readonly<Record<string, Float32Array>>;
  readonly kl: Float32Array;
  readonly returns: Float32Array;
  /** Null: the worker has no critic. */
  readonly lambdaReturns: Float32Array | null;
  readonly lengths: Uint32Array;
}

/**
 * @param failed episodes without a reward: NaN in rewards, trained rewards and returns
 * @throws {TrialError} of kind `diverged` when another figure is NaN or infinite
 */
export function readEpisodes(
  rolled: Result<"rollout">,
  prompts: Uint32Array,
  failed: ReadonlySet<number>,
): EpisodeArrays {
  const parts = rolled.trained.map((bytes) => blanked(float32Array(bytes), failed));
  const arrays = {
    rewards: blanked(float32Array(rolled.reward), failed),
    trained: Float32Array.from(prompts, (_, episode) =>
      parts.reduce((total, part) => total + part[episode]!, 0),
    ),
    trainedByComponent: Object.fromEntries(
      rolled.components.map(({ name }, place) => [name, parts[place]!]),
    ),
    kl: float32Array(rolled.kl),
    returns: blanked(float32Array(rolled.return), failed),
    lambdaReturns:
      rolled.lambda_return === null ? null : blanked(float32Array(rolled.lambda_return), failed),
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
  for (const name of ["rewards", "trained", "kl", "returns", "lambdaReturns"] as const) {
    const values = arrays[name] ?? new Float32Array();
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

/** Reasons that a message tells; the detail has all. */
const TOLD = 3;

/** Under two there is no tail that differs from the batch. */
const LEAST = 2;

/**
 * Which episodes have no reward. One that failed (timeout, exception, NaN) is never scored 0: it is
 * in no figure, no ranking and no update, and too many of them stop the run.
 */
export function failedEpisodes(failures: readonly ScoreFailure[]): ReadonlySet<number> {
  return new Set(failures.flatMap(({ episodes }) => [...uint32Array(episodes)]));
}

/** The failures of all components, each told with its name where there are several. */
export function failuresOf(components: readonly ComponentScores[]): ScoreFailure[] {
  return components.flatMap(({ name, failures }) =>
    components.length === 1
      ? failures
      : failures.map((failure) => ({ ...failure, message: `${name}: ${failure.message}` })),
  );
}

/**
 * The raw scores of each component or judge, by name, NaN where it failed.
 *
 * @param all in the order of `load`
 */
export function scoresByName(all: readonly ComponentScores[]): Record<string, Float32Array> {
  return Object.fromEntries(
    all.map(({ name, scores, failures }) => [
      name,
      blanked(float32Array(scores), failedEpisodes(failures)),
    ]),
  );
}

/** As {@link figures}, by name. */
export function figuresByName(
  arrays: Readonly<Record<string, Float32Array>>,
): Record<string, (number | null)[]> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, figures(array)]));
}

/**
 * Each component's mean raw score over the episodes that have a reward, so that weighted means add
 * up to the combined one's, and how many episodes it failed for itself.
 *
 * @param importance what each of the scored counts in the means; null: all alike
 */
export function componentMeans(
  components: readonly ComponentScores[],
  scored: Uint32Array,
  importance: Float64Array | null,
): Record<string, { mean: number; failed: number }> {
  const meanOf = (values: Float32Array) =>
    importance === null ? mean(values) : weightedMean(values, importance);
  return Object.fromEntries(
    components.map(({ name, scores, failures }) => [
      name,
      { mean: meanOf(taken(float32Array(scores), scored)), failed: failedEpisodes(failures).size },
    ]),
  );
}

/** The others of `count` episodes, ascending. */
export function scoredEpisodes(count: number, failed: ReadonlySet<number>): Uint32Array {
  const scored = new Uint32Array(count);
  let next = 0;
  for (let episode = 0; episode < count; episode += 1) {
    if (failed.size === 0 || !failed.has(episode)) {
      scored[next] = episode;
      next += 1;
    }
  }
  return scored.subarray(0, next);
}

/** The values of these episodes, in this order. */
export function taken(values: ArrayLike<number>, episodes: Uint32Array): Float32Array {
  const own = new Float32Array(episodes.length);
  for (let place = 0; place < episodes.length; place += 1) {
    own[place] = values[episodes[place]!]!;
  }
  return own;
}

/** A copy with NaN where the reward failed, whatever the worker sent there. */
export function blanked(values: Float32Array, failed: ReadonlySet<number>): Float32Array {
  return values.map((value, episode) => (failed.has(episode) ? Number.NaN : value));
}

/** What a component, or a judge, failed at, and how much of it a run bears. */
export interface FailureLimit {
  /** Its name where there are several; null: it is the only one. */
  readonly name: string | null;
  /** Path of its `max_failed_fraction`. */
  readonly key: string;
  /** In [0, 1], of the episodes. */
  readonly maxFraction: number;
  readonly failures: readonly ScoreFailure[];
}

/** @param components of a worker's answer, in the order of `load` */
export function failureLimits(
  reward: RewardConfig,
  components: readonly ComponentScores[],
): FailureLimit[] {
  return rewardComponents(reward).map(({ name, max_failed_fraction }, place) => ({
    name: components.length > 1 ? name : null,
    key: componentKey(reward, place, "max_failed_fraction"),
    maxFraction: max_failed_fraction,
    failures: components[place]?.failures ?? [],
  }));
}

/**
 * Tells of failed rewards, where they are few enough to continue without.
 *
 * @param what whose rewards, as in "rewards of step 3"
 * @param prompts id of each episode's prompt
 * @returns a sentence for the journal; null: none failed
 * @throws {TrialError} of kind `reward` when more of a component's failed than its fraction of them, or
 *   fewer than two episodes are left
 */
export function failedRewards(
  what: string,
  limits: readonly FailureLimit[],
  prompts: Uint32Array,
): string | null {
  const failed = failedEpisodes(limits.flatMap(({ failures }) => failures)).size;
  if (failed === 0) {
    return null;
  }
  const reasons = limits.flatMap(({ name, failures }) =>
    failures.map(({ kind, message, episodes }) => {
      const [first, ...more] = uint32Array(episodes);
      const others = more.length > 0 ? ` and ${more.length} more` : "";
      const own = name === null ? "" : `${name}: `;
      return `${kind}: ${own}${message} (episode ${first}, prompt ${prompts[first!]}${others})`;
    }),
  );
  const untold = reasons.length > TOLD ? `; and ${reasons.length - TOLD} more` : "";
  const failure = `${failed} of ${prompts.length} ${what} failed`;
  const why = `${reasons.slice(0, TOLD).join("; ")}${untold}`;
  const over = limits.find(
    ({ failures, maxFraction }) => failedEpisodes(failures).size > maxFraction * prompts.length,
  );
  const few = prompts.length - failed < LEAST ? `and fewer than ${LEAST} are left` : null;
  const limit =
    over === undefined
      ? few
      : `${over.name === null ? "" : `${failedEpisodes(over.failures).size} of ${over.name}, `}` +
        `more than ${over.key} ${over.maxFraction} allows`;
  if (limit !== null) {
    const { key } = over ?? limits.find(({ failures }) => failures.length > 0)!;
    const timeout = key.replace("max_failed_fraction", "timeout_seconds");
    throw new TrialError(
      "reward",
      `${failure}, ${limit}: ${why}. No update was made: fix the reward and run \`averse resume RUN\`; ` +
        `changing ${timeout} or ${key} needs a new run`,
      key,
      reasons.join("\n"),
    );
  }
  return `${failure} and ${failed === 1 ? "is" : "are"} left out: ${why}`;
}

/**
 * A float32 array for the journal: nine significant digits, which give back the very same float32
 * and are half as long as its double; null for NaN and ±∞, which JSON lacks.
 */
export function figures(array: Float32Array): (number | null)[] {
  return Array.from(array, (value) =>
    Number.isFinite(value) ? Number(value.toPrecision(9)) : null,
  );
}
