import { requireInteger } from "./checks.js";
import type { Interval } from "./intervals.js";
import { quantile } from "./quantile.js";
import type { Random } from "./random.js";

/**
 * 95 % interval of a mean over seeds of a statistic over prompts, by the percentile bootstrap in two
 * levels: seeds are drawn with replacement, then prompts (Davison & Hinkley 1997, § 3.8; over crossed
 * seeds and prompts, Owen 2007, "The pigeonhole bootstrap"). For a paired difference, `statistic`
 * reads both arms at the same seed and prompts. The percentile bootstrap of few seeds is too narrow:
 * from three seeds it has no more than ten different draws of them.
 *
 * @param prompts of each seed, whole numbers ≥ 1; where `shared`, all the same
 * @param statistic of one seed at the prompts drawn, given as indices; the array is used again
 * @param options.shared the seeds have the same prompts: every draw of prompts serves all seeds, so
 *   that what a prompt contributes to all of them is not averaged out
 * @param options.draws by default 1000
 * @returns null for fewer than two seeds
 * @throws {RangeError} when a count is out of range, or the statistic is NaN or ±∞
 */
export function hierarchicalBootstrap(
  prompts: readonly number[],
  statistic: (seed: number, resample: Uint32Array) => number,
  random: Random,
  { shared, draws = 1000 }: { readonly shared: boolean; readonly draws?: number },
): Interval | null {
  requireInteger(draws, "draws", 1);
  for (const [seed, count] of prompts.entries()) {
    requireInteger(count, `prompts[${seed}]`, 1);
  }
  if (shared && new Set(prompts).size > 1) {
    throw new RangeError(`seeds have ${prompts.join(", ")} prompts: shared prompts are as many`);
  }
  const seeds = prompts.length;
  if (seeds < 2) {
    return null;
  }
  const resamples = prompts.map((count) => new Uint32Array(count));
  const draw = (resample: Uint32Array): void => {
    for (let taken = 0; taken < resample.length; taken += 1) {
      resample[taken] = Math.floor(random() * resample.length);
    }
  };
  const means = Float64Array.from({ length: draws }, () => {
    if (shared) {
      draw(resamples[0]!);
    }
    // With shared prompts a seed drawn again has the same value.
    const known = new Map<number, number>();
    let sum = 0;
    for (let taken = 0; taken < seeds; taken += 1) {
      const seed = Math.floor(random() * seeds);
      const before = shared ? known.get(seed) : undefined;
      if (!shared) {
        draw(resamples[seed]!);
      }
      const value = before ?? statistic(seed, resamples[shared ? 0 : seed]!);
      known.set(seed, value);
      sum += value;
    }
    return sum / seeds;
  });
  return [quantile(means, 0.025), quantile(means, 0.975)];
}
