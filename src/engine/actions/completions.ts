/** Completions of an iteration, kept as a table for whoever analyses them: `record.completions`. */
import type { Experiment } from "../../config/schema/experiment.js";
import type { Episodes } from "../../journal/events.js";
import { usesAlpha } from "../../risk/measures/registry.js";
import { tailCount } from "../../risk/tail.js";
import { scoredEpisodes } from "../episodes.js";
import type { EpisodeText, KeptCompletion } from "../ports.js";
import type { TrialContext } from "../trial-context.js";
import type { Batch } from "./select-episodes.js";
import { keepTexts, worstEpisodes } from "./tail-texts.js";

/**
 * After the update, of which it takes nothing; as `keepTailTexts` otherwise.
 *
 * @param rollout the worker's id of the rollout in hand
 * @param failed episodes without a reward: among all of them, and in no tail
 */
export async function keepCompletions(
  step: number,
  rollout: number,
  batch: Batch,
  failed: ReadonlySet<number>,
  episodes: Episodes,
  context: TrialContext,
): Promise<number> {
  const { experiment, trial, ports } = context;
  const chosen = completionEpisodes(experiment, trial.config.risk, step, batch, failed);
  return keepTexts("completions", step, rollout, chosen, context, (texts) =>
    ports.recorder.writeCompletions(
      trial.id,
      step,
      texts.map((text) => keptCompletion(text, episodes)),
    ),
  );
}

/** In the batch's order, or the worst first; empty: none of this iteration. */
export function completionEpisodes(
  { record, evaluation }: Pick<Experiment, "record" | "evaluation">,
  risk: TrialContext["trial"]["config"]["risk"],
  step: number,
  batch: Batch,
  failed: ReadonlySet<number>,
): Uint32Array {
  if (record.completions === "none" || step % record.completions_every !== 0) {
    return new Uint32Array();
  }
  const all = batch.returns.length;
  if (record.completions === "all") return Uint32Array.from({ length: all }, (_, at) => at);
  const scored = scoredEpisodes(all, failed).length;
  if (scored === 0) return new Uint32Array();
  const fraction = usesAlpha(risk.measure) ? risk.alpha : evaluation.tail_fraction;
  return worstEpisodes(risk, batch, failed, tailCount(scored, fraction));
}

function keptCompletion(
  { episode, prompt, completion }: EpisodeText,
  episodes: Episodes,
): KeptCompletion {
  return {
    episode,
    prompt_id: episodes.prompt[episode]!,
    prompt,
    completion,
    reward: episodes.reward[episode]!,
    kl: episodes.kl[episode]!,
    return: episodes.return[episode]!,
    tokens: episodes.length[episode]!,
    weight: episodes.weight[episode]!,
  };
}
