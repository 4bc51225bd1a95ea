/** Episodes of a step, or its prompts with all their completions, worst first, and the filter. */

import { groupsByPrompt } from "../../../analysis/prompt-groups.js";
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
  /** Raw score of each reward component, null where it failed; empty where there is one alone. */
  readonly components: Readonly<Record<string, number | null>>;
  /** Generated tokens. */
  readonly length: number;
  /** 0: not in the update. */
  readonly weight: number;
  /** Null: a critic gives one per token. */
  readonly advantage: number | null;
  /** Null: not kept for reading. */
  readonly text: EpisodeText | null;
}

/** All completions of one prompt. */
export interface TailGroup {
  /** From 1: place by mean return, among all of the step. */
  readonly rank: number;
  readonly prompt: number;
  /** Of the returns; null: no completion has one. */
  readonly mean: number | null;
  /** Standard deviation of the returns; null with fewer than two. */
  readonly spread: number | null;
  /** Lowest return first. */
  readonly members: readonly TailRow[];
}

/** What the list shows on one line. */
export type TailEntry =
  | { readonly row: TailRow; readonly group: null }
  /** The prompt's worst completion stands for it. */
  | { readonly row: TailRow; readonly group: TailGroup };

export interface TailChoice {
  readonly episodes: Episodes;
  readonly texts: readonly EpisodeText[];
  /** See {@link tailRows}; of prompts those stay that have a completion for which it holds. */
  readonly filter: string;
  /** Episodes per prompt. */
  readonly completions: number;
  /** The highest return first; absent: the lowest. */
  readonly best?: boolean;
  /** By prompt; where there is one episode per prompt, that makes no difference. */
  readonly grouped: boolean;
}

export function tailEntries(choice: TailChoice): TailEntry[] {
  const worstFirst = entriesWorstFirst(choice);
  return choice.best === true ? worstFirst.reverse() : worstFirst;
}

function entriesWorstFirst(choice: TailChoice): TailEntry[] {
  const { episodes, texts, filter, completions, grouped } = choice;
  if (!grouped || completions <= 1) {
    return tailRows(episodes, texts, filter).map((row) => ({ row, group: null }));
  }
  const all = new Map(tailRows(episodes, texts, "").map((row) => [row.episode, row]));
  const found = new Set(tailRows(episodes, texts, filter).map(({ episode }) => episode));
  return groupsByPrompt(episodes, completions).flatMap(
    ({ prompt, mean, spread, episodes: places }, at): TailEntry[] => {
      const members = places.map((place) => all.get(place)!);
      return members.some(({ episode }) => found.has(episode))
        ? [{ row: members[0]!, group: { rank: at + 1, prompt, mean, spread, members } }]
        : [];
    },
  );
}

/**
 * Lowest return first, ties by place, those without a return last.
 *
 * @param filter words that all have to hold: a comparison (`reward<-2`, `kl>=5`, `weight>0`,
 *   `prompt=12`, `politeness<0` of a reward component), or a piece of the texts or of the prompt's
 *   id, whatever the case
 */
export function tailRows(
  episodes: Episodes,
  texts: readonly EpisodeText[],
  filter: string,
): TailRow[] {
  const textOf = new Map(texts.map((text) => [text.episode, text]));
  const components = Object.entries(episodes.components ?? {});
  const names = components.map(([name]) => name);
  const tests = wordsOf(filter).map((word) => testOf(word, names));
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
        components: Object.fromEntries(
          components.map(([name, scores]) => [name, scores[episode] ?? null]),
        ),
        length: episodes.length[episode]!,
        weight: episodes.weight[episode]!,
        advantage: episodes.advantage?.[episode] ?? null,
        text: textOf.get(episode) ?? null,
      }),
    )
    .filter((row) => tests.every((holds) => holds(row)));
}

/** Larger than every return: of infinities the difference is NaN. */
function orderOf({ return: returns }: Episodes, episode: number): number {
  return returns[episode] ?? Number.MAX_VALUE;
}

const comparison = /^([^<>=]+)(<=|>=|<|>|=)(-?(?:\d+\.?\d*|\.\d+))$/;

const comparable = ["reward", "kl", "return", "length", "weight", "prompt"] as const;

/** @param components names of the reward's components; the episode's own figures come first */
function testOf(word: string, components: readonly string[]): (row: TailRow) => boolean {
  const [, said = "", operator, number] = comparison.exec(word) ?? [];
  const same = (name: string): boolean => name.toLowerCase() === said.toLowerCase();
  const key = comparable.find(same);
  const component = components.find(same);
  if (key === undefined && component === undefined) {
    const piece = word.toLowerCase();
    return ({ prompt, text }) =>
      `${prompt}\n${text?.prompt ?? ""}\n${text?.completion ?? ""}`.toLowerCase().includes(piece);
  }
  const limit = Number(number);
  return (row) => {
    const value = key === undefined ? (row.components[component!] ?? null) : row[key];
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
