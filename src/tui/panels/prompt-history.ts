/** What became of one prompt, step by step. */
import type { Episodes } from "../../journal/events.js";

export interface PromptVisit {
  readonly step: number;
  readonly reward: number | null;
  /** Nats. */
  readonly kl: number | null;
  readonly return: number | null;
  /** Generated tokens. */
  readonly length: number;
  /** 0: not in the update. */
  readonly weight: number;
}

/** Episodes of one step that began with the prompt; empty: it was not drawn. */
export function promptVisits(step: number, episodes: Episodes, prompt: number): PromptVisit[] {
  return episodes.prompt.flatMap((id, at): PromptVisit[] =>
    id !== prompt
      ? []
      : [
          {
            step,
            reward: episodes.reward[at] ?? null,
            kl: episodes.kl[at] ?? null,
            return: episodes.return[at] ?? null,
            length: episodes.length[at]!,
            weight: episodes.weight[at]!,
          },
        ],
  );
}
