/** What is taken out of the episodes of one step: their quantiles, and those of one prompt. */

import type { Episodes } from "../../../journal/events.js";
import { quantile } from "../../../stats/quantile.js";
import type { FanRow } from "../../charts/fan-chart.js";

/** Of the episodes that have a return; null: none has. */
export function returnQuantiles(iteration: number, episodes: Episodes): FanRow | null {
  const returns = Float64Array.from(
    episodes.return.filter((value) => value !== null && Number.isFinite(value)) as number[],
  );
  if (returns.length === 0) {
    return null;
  }
  const [q05, q25, q50, q75, q95] = [0.05, 0.25, 0.5, 0.75, 0.95].map((p) => quantile(returns, p));
  return { x: iteration, q05: q05!, q25: q25!, q50: q50!, q75: q75!, q95: q95! };
}

export interface PromptVisit {
  readonly iteration: number;
  readonly reward: number | null;
  /** Nats. */
  readonly kl: number | null;
  readonly return: number | null;
  /** Generated tokens. */
  readonly length: number;
  /** 0: not in the update. */
  readonly weight: number;
}

/** Episodes that began with the prompt; empty: it was not drawn. */
export function promptVisits(iteration: number, episodes: Episodes, prompt: number): PromptVisit[] {
  return episodes.prompt.flatMap((id, at): PromptVisit[] =>
    id !== prompt
      ? []
      : [
          {
            iteration,
            reward: episodes.reward[at] ?? null,
            kl: episodes.kl[at] ?? null,
            return: episodes.return[at] ?? null,
            length: episodes.length[at]!,
            weight: episodes.weight[at]!,
          },
        ],
  );
}
