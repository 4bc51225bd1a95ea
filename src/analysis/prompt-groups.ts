/** The completions of one prompt in a batch: what they have in common, and how far they differ. */
import { mean, sd } from "../stats/intervals.js";

export interface PromptGroup {
  /** Place of the prompt in the batch, from 0: with n completions, of episodes n·k … n·k + n − 1. */
  readonly place: number;
  /** Its id. */
  readonly prompt: number;
  /** Places of its episodes, lowest return first, those without one last. */
  readonly episodes: readonly number[];
  /** Of the returns; null: no completion has one. */
  readonly mean: number | null;
  /** Standard deviation of the returns; null with fewer than two. */
  readonly spread: number | null;
}

interface Grouped {
  readonly prompt: readonly number[];
  readonly return: readonly (number | null)[];
}

/**
 * Lowest mean first, those without one last; ties by place.
 *
 * @param completions n ≥ 1: a prompt that was drawn twice is two groups
 */
export function groupsByPrompt(episodes: Grouped, completions: number): PromptGroup[] {
  const { prompt, return: returns } = episodes;
  const count = Math.ceil(prompt.length / completions);
  const groups = Array.from({ length: count }, (_, place): PromptGroup => {
    const first = place * completions;
    const size = Math.min(completions, prompt.length - first);
    const places = Array.from({ length: size }, (_, at) => first + at);
    const known = places.flatMap((at) => returns[at] ?? []);
    return {
      place,
      prompt: prompt[first]!,
      episodes: places.sort((a, b) => orderOf(returns[a]) - orderOf(returns[b]) || a - b),
      mean: known.length === 0 ? null : mean(known),
      spread: known.length === 0 ? null : sd(known),
    };
  });
  return groups.sort((a, b) => orderOf(a.mean) - orderOf(b.mean) || a.place - b.place);
}

/** Larger than every figure: of infinities the difference is NaN. */
function orderOf(value: number | null | undefined): number {
  return value ?? Number.MAX_VALUE;
}
