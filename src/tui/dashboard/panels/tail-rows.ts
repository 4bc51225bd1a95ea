/** Episodes of a step, worst return first, and the filter that picks among them. */

import type { EpisodeText } from "../../../engine/ports.js";
import type { Episodes } from "../../../journal/events.js";

export interface TailRow {
  /** Place in the batch. */
  readonly episode: number;
  /** From 1: place by return, among all of the step. */
  readonly rank: number;
  /** Prompt id. */
  readonly prompt: number;
  /** Null: the reward failed. */
  readonly reward: number | null;
  /** Nats. */
  readonly kl: number | null;
  readonly return: number | null;
  /** Generated tokens. */
  readonly length: number;
  /** 0: not in the update. */
  readonly weight: number;
  /** Null: not kept for reading. */
  readonly text: EpisodeText | null;
}

/**
 * Lowest return first, ties by place, those without a return last.
 *
 * @param filter words that all have to hold: a comparison (`reward<-2`, `kl>=5`, `weight>0`,
 *   `prompt=12`), or a piece of the texts or of the prompt's id, whatever the case
 */
export function tailRows(
  episodes: Episodes,
  texts: readonly EpisodeText[],
  filter: string,
): TailRow[] {
  const textOf = new Map(texts.map((text) => [text.episode, text]));
  const tests = wordsOf(filter).map(testOf);
  return [...episodes.prompt.keys()]
    .sort((a, b) => orderOf(episodes, a) - orderOf(episodes, b) || a - b)
    .map(
      (episode, at): TailRow => ({
        episode,
        rank: at + 1,
        prompt: episodes.prompt[episode]!,
        reward: episodes.reward[episode] ?? null,
        kl: episodes.kl[episode] ?? null,
        return: episodes.return[episode] ?? null,
        length: episodes.length[episode]!,
        weight: episodes.weight[episode]!,
        text: textOf.get(episode) ?? null,
      }),
    )
    .filter((row) => tests.every((holds) => holds(row)));
}

/** Larger than every return: of infinities the difference is NaN. */
function orderOf({ return: returns }: Episodes, episode: number): number {
  return returns[episode] ?? Number.MAX_VALUE;
}

const comparison = /^(reward|kl|return|length|weight|prompt)(<=|>=|<|>|=)(-?(?:\d+\.?\d*|\.\d+))$/i;

function testOf(word: string): (row: TailRow) => boolean {
  const [, name, operator, number] = comparison.exec(word) ?? [];
  if (name === undefined) {
    const piece = word.toLowerCase();
    return ({ prompt, text }) =>
      `${prompt}\n${text?.prompt ?? ""}\n${text?.completion ?? ""}`.toLowerCase().includes(piece);
  }
  const key = name.toLowerCase() as "reward" | "kl" | "return" | "length" | "weight" | "prompt";
  const limit = Number(number);
  return (row) => {
    const value = row[key];
    return value !== null && holds(value, operator!, limit);
  };
}

function holds(value: number, operator: string, limit: number): boolean {
  switch (operator) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    default:
      return value === limit;
  }
}

export function wordsOf(filter: string): string[] {
  return filter.split(/\s+/).filter((word) => word !== "");
}
