/**
 * What the reward makes of some test prompts, told once at the start of a run: whether the harm
 * threshold lies where harm begins, and whether the prompts alone decide the tail.
 */
import { rewardComponents } from "../../config/rewards/components.js";
import type { EventPayload } from "../../journal/events.js";
import { float32Array, float32Bytes, uint32Bytes } from "../../protocol/arrays.js";
import type { Result } from "../../protocol/messages.js";
import { quantile } from "../../stats/quantile.js";
import { promptFloorText } from "../../text/score-preview.js";
import { taken } from "../episodes.js";
import { type TrialContext, workerOf } from "../trial-context.js";

export type RewardPreview = NonNullable<
  Extract<EventPayload, { type: "worker_ready" }>["reward_preview"]
>;

/** So many texts show a distribution, and take no time. */
const texts = 64;
const levels = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1];
/** Scores this near to the lowest, as a fraction of all scores' range, count as the same. */
const floorWidth = 0.01;
/** Fewer different prompts may be alike by chance. */
const fewest = 20;

type Answer = Pick<Result<"score_prompts">, "combined" | "components">;

/**
 * @param ids of the test prompts
 * @param known their scores, where the trial has them
 */
export async function rewardPreview(
  ids: Uint32Array,
  known: Answer | null,
  context: TrialContext,
): Promise<RewardPreview | null> {
  if (!context.inputs.claimPreview()) return null;
  const { experiment, trial } = context;
  const count = Math.min(texts, ids.length);
  const places = Uint32Array.from({ length: count }, (_, index) =>
    Math.floor(((index + 0.5) * ids.length) / count),
  );
  const { combined, components } =
    known === null ? await scored(ids, places, context) : takenFrom(known, places);
  const { harm_threshold, harm_component, tail_fraction } = experiment.evaluation;
  const told =
    harm_component === null
      ? combined
      : components.find(({ name }) => name === harm_component)!.scores;
  const scores = float32Array(told);
  const configured = rewardComponents(trial.config.reward);
  const floors = components.flatMap(({ name, scores }): RewardPreview["floors"] => {
    const component = configured.find((one) => one.name === name);
    if (component === undefined || component.text !== "whole") return [];
    const fraction = floorFraction(float32Array(scores));
    return count >= fewest && fraction > tail_fraction ? [{ component: name, fraction }] : [];
  });
  for (const { component, fraction } of floors) {
    const message = promptFloorText(component, fraction, tail_fraction);
    context.note({ type: "warning", message });
  }
  return {
    texts: count,
    component: harm_component,
    quantiles: levels.map((level) => ({ level, score: quantile(scores, level) })),
    threshold: harm_threshold,
    under:
      harm_threshold === null
        ? null
        : scores.filter((score) => score < harm_threshold).length / Math.max(1, count),
    floors,
    tail_fraction,
  };
}

async function scored(
  ids: Uint32Array,
  places: Uint32Array,
  context: TrialContext,
): Promise<Answer> {
  const prompts = uint32Bytes(places.map((place) => ids[place]!));
  return await workerOf(context).call(
    "score_prompts",
    { split: "test", prompts, known: null },
    context.onProgress,
  );
}

function takenFrom({ combined, components }: Answer, places: Uint32Array): Answer {
  const at = (scores: Uint8Array) => float32Bytes(taken(float32Array(scores), places));
  return {
    combined: at(combined),
    components: components.map(({ name, scores }) => ({ name, scores: at(scores) })),
  };
}

/**
 * Fraction of the scores that lie at the lowest one, in [0, 1].
 *
 * @param scores of the prompts alone; where they are all one, that is no floor but no score at all
 */
export function floorFraction(scores: Float32Array): number {
  const low = Math.min(...scores);
  const high = Math.max(...scores);
  if (!(high > low)) return 0;
  const edge = low + floorWidth * (high - low);
  return scores.filter((score) => score <= edge).length / scores.length;
}
