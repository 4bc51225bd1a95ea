/** The texts of a step's worst episodes, kept so that people can read what the tail is made of. */
import type { RiskConfig } from "../../config/schema/experiment.js";
import { uint32Bytes } from "../../protocol/arrays.js";
import { iterationName } from "../../text/iterations.js";
import { WorkerFailure } from "../../worker/contract.js";
import { scoredEpisodes } from "../episodes.js";
import { failureFacts } from "../failure.js";
import type { EpisodeText } from "../ports.js";
import { type TrialContext, workerOf } from "../trial-context.js";
import { type Batch, rankingOf } from "./select-episodes.js";

/**
 * The `count` lowest of the episodes that have a reward, the worst first: in what the measure ranks
 * by, and in the return where it ranks by nothing. Of equal ones the earlier is the worse. With
 * several completions per prompt they come with all others of their prompts, prompt by prompt, until
 * there are `count`: a reader compares what one prompt led to.
 *
 * @param failed episodes without a reward
 * @param completions episodes per prompt
 */
export function worstEpisodes(
  risk: Pick<RiskConfig, "measure" | "statistic" | "component">,
  batch: Batch,
  failed: ReadonlySet<number>,
  count: number,
  completions = 1,
): Uint32Array {
  const values = rankingOf(risk, batch);
  const order = scoredEpisodes(values.length, failed).sort(
    (a, b) => values[a]! - values[b]! || a - b,
  );
  return completions === 1 ? order.slice(0, count) : wholePrompts(order, count, completions);
}

function wholePrompts(order: Uint32Array, count: number, completions: number): Uint32Array {
  const places = new Set<number>();
  for (const episode of order) {
    if (places.size * completions >= count) {
      break;
    }
    places.add(Math.floor(episode / completions));
  }
  return Uint32Array.from(
    [...places].flatMap((place) =>
      Array.from({ length: completions }, (_, nth) => place * completions + nth),
    ),
  );
}

/**
 * Asks for the texts of these episodes and writes them down. After the update, of which it takes
 * nothing.
 *
 * @param rollout the worker's id of the rollout in hand
 * @returns seconds that the worker took for them: they are no time of the controller's
 * @throws {WorkerLost} and {WorkerFailure} of kind `protocol`: the worker cannot be trusted any more
 */
export async function keepTailTexts(
  step: number,
  rollout: number,
  episodes: Uint32Array,
  context: TrialContext,
): Promise<number> {
  const { trial, ports } = context;
  return keepTexts("the texts of the worst episodes", step, rollout, episodes, context, (texts) =>
    ports.recorder.writeTexts(trial.id, step, texts),
  );
}

/**
 * A step is done without its texts: where they cannot be had or kept, a warning says so once, and
 * this worker is not asked again.
 *
 * @param what is kept, in words
 * @returns and throws as `keepTailTexts`
 */
export async function keepTexts(
  what: string,
  step: number,
  rollout: number,
  episodes: Uint32Array,
  context: TrialContext,
  keep: (texts: readonly EpisodeText[]) => void,
): Promise<number> {
  if (episodes.length === 0 || context.textless) {
    return 0;
  }
  const { ports } = context;
  const askedAt = ports.clock();
  let seconds = 0;
  try {
    const { texts } = await workerOf(context).call("texts", {
      rollout,
      episodes: uint32Bytes(episodes),
    });
    seconds = ports.clock() - askedAt;
    keep(texts);
  } catch (error) {
    if (!isBearable(error)) {
      throw error;
    }
    // Interrupted on request: the step is done, and the caller is informed.
    if (error instanceof WorkerFailure && error.kind === "interrupted") {
      return ports.clock() - askedAt;
    }
    context.textless = true;
    const why = failureFacts(error).message;
    context.note({
      type: "warning",
      message: `${what} are not saved from ${iterationName(step)} on: ${why}`,
    });
  }
  return seconds;
}

function isBearable(error: unknown): boolean {
  if (error instanceof WorkerFailure) {
    return error.kind !== "protocol";
  }
  return failureFacts(error).reason === "environment";
}
