/**
 * The joint objective E[others] + λ·ρ(component) − β·KL: what one reward component adds to each
 * return, apart from the rest.
 */

export interface DiscountedEpisodes {
  /** R̄, the KL in it where the algorithm has it there. */
  readonly returns: Float32Array;
  /** Generated tokens, each ≥ 1. */
  readonly lengths: ArrayLike<number>;
  /** γ, of a reward that comes with the last token. */
  readonly gamma: number;
}

/** γ^(L−1)·reward: what a reward at an episode's end adds to its return. */
export function inReturn(
  rewards: Float32Array,
  { lengths, gamma }: Pick<DiscountedEpisodes, "lengths" | "gamma">,
): Float32Array {
  return gamma === 1
    ? rewards
    : rewards.map((reward, episode) => reward * gamma ** (lengths[episode]! - 1));
}

/** The returns with `now` in the place of the rewards `before`: R̄ + γ^(L−1)·(now − before). */
export function withRewards(
  episodes: DiscountedEpisodes,
  before: Float32Array,
  now: Float32Array,
): Float32Array {
  const change = inReturn(
    now.map((reward, episode) => reward - before[episode]!),
    episodes,
  );
  return episodes.returns.map((value, episode) => value + change[episode]!);
}
