/** Completions of an iteration, kept as a table for whoever analyses them: `record.completions`. */
import type { Experiment } from "../../config/schema/experiment.js";
import type { CompletionsFile, Episodes } from "../../journal/events.js";
import { usesAlpha } from "../../risk/measures/registry.js";
import { tailCount } from "../../risk/tail.js";
import { scoredEpisodes } from "../episodes.js";
import type { EpisodeText, KeptCompletion } from "../ports.js";
import type { TrialContext } from "../trial-context.js";
import type { Batch } from "./select-episodes.js";
import { keepTexts, worstEpisodes } from "./tail-texts.js";

/**
 * After the update, of which it takes nothing; throws as `keepTailTexts`.
 *
 * @param rollout the worker's id of the rollout in hand
 * @param failed episodes without a reward: among all of them, and in no tail
 * @returns seconds that the worker took for them; kept: for the step's event, undefined where the run
 *   keeps none
 */
export async function keepCompletions(
  step: number,
  rollout: number,
  batch: Batch,
  failed: ReadonlySet<number>,
  episodes: Episodes,
  context: TrialContext,
): Promise<{ seconds: number; kept: CompletionsFile | null | undefined }> {
  const { experiment, trial, ports } = context;
  if (experiment.record.completions === "none") return { seconds: 0, kept: undefined };
  const chosen = completionEpisodes(experiment, trial.config.risk, step, batch, failed);
  let kept: CompletionsFile | null = null;
  const seconds = await keepTexts("completions", step, rollout, chosen, context, (texts) => {
    const rows = texts.map((text) => keptCompletion(text, episodes));
    kept = ports.recorder.writeCompletions(trial.id, step, rows);
  });
  return { seconds, kept };
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
