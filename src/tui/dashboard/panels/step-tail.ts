/** Which episodes of a step are its tail, and which prompts come back in the next one. */
import type { Episodes } from "../../../journal/events.js";

export interface StepTail {
  readonly inTail: (episode: number) => boolean;
  /**
   * True: the episodes of weight > 0. False: nothing was dropped (the warm start, or a measure that
   * weighs all), so the tail is what lies at or under the value at risk.
   */
  readonly byWeight: boolean;
}

/** @param valueAtRisk of the returns, at the arm's α */
export function stepTail(episodes: Episodes, valueAtRisk: number | null): StepTail {
  if (droppedSome(episodes)) {
    return { inTail: (at) => episodes.weight[at]! > 0, byWeight: true };
  }
  return {
    inTail: (at) => {
      const value = episodes.return[at] ?? null;
      return value !== null && valueAtRisk !== null && value <= valueAtRisk;
    },
    byWeight: false,
  };
}

/**
 * Fraction of the tail's prompts that were in the tail before, too, in [0, 1]; null where either step
 * kept all: then being kept says nothing.
 */
export function repeatedTail(episodes: Episodes | null, previous: Episodes | null): number | null {
  if (episodes === null || previous === null || !droppedSome(episodes) || !droppedSome(previous)) {
    return null;
  }
  const now = keptPrompts(episodes);
  const before = keptPrompts(previous);
  return now.size === 0 ? null : [...now].filter((prompt) => before.has(prompt)).length / now.size;
}

/** Failed episodes have weight 0 in any case and are not counted as dropped. */
function droppedSome({ weight, return: returns }: Episodes): boolean {
  return weight.some((one, at) => one === 0 && (returns[at] ?? null) !== null);
}

function keptPrompts({ prompt, weight }: Episodes): Set<number> {
  return new Set(prompt.filter((_, at) => weight[at]! > 0));
}
