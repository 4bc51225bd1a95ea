/**
 * The scores of the prompts alone, which only some trials need: to draw from strata, to rank by
 * them, to subtract them, to take the tail of an evaluation. Scored once for all loads of the same
 * prompts and rewards.
 */

import { dataName } from "../../config/data-sources.js";
import { rewardComponents } from "../../config/rewards/components.js";
import type { Trial } from "../../config/trials.js";
import type { EventPayload } from "../../journal/events.js";
import { float32Array, float32Bytes, uint32Array, uint32Bytes } from "../../protocol/arrays.js";
import type { Result } from "../../protocol/messages.js";
import { promptSamplers } from "../../risk/samplers/registry.js";
import { failureFacts, TrialError } from "../failure.js";
import type { PromptScores } from "../ports.js";
import { type Prompts, type TrialContext, workerOf } from "../trial-context.js";

type Split = "train" | "test";
type WorkerReady = Extract<EventPayload, { type: "worker_ready" }>;
type Told = WorkerReady["prompt_scores"][string];

/** Of the training prompts: strata, ranks, baselines. Of the test prompts: any evaluation. */
export function needsScores(trial: Trial, split: Split): boolean {
  if (split === "test") {
    return trial.reported || trial.startsFrontier;
  }
  const { reward, training, sampling, risk } = trial.config;
  return (
    trial.iterations > 0 &&
    (promptSamplers[sampling.strategy].needsScores ||
      risk.statistic === "prompt-score" ||
      rewardComponents(reward).some(({ baseline }) => baseline === "prompt") ||
      training.prefix_baseline)
  );
}

interface ScoredPrompts {
  readonly prompts: Prompts;
  /** For the journal; null, as below: the trial does not need the scores. */
  readonly told: Told | null;
  /** Aligned with `prompts`. */
  readonly answer: Pick<Result<"score_prompts">, "combined" | "components"> | null;
}

/**
 * The prompts of a split with their scores, where the trial needs them.
 *
 * @throws {TrialError} of kind `input`: there are no prompts
 */
export async function scoredPrompts(
  set: Result<"load">["train"],
  split: Split,
  { rewards, data }: Result<"load">["digests"],
  context: TrialContext,
): Promise<ScoredPrompts> {
  const ids = uint32Array(set.ids);
  if (ids.length === 0) {
    const name = dataName(context.experiment.data);
    throw new TrialError("input", `${name} has no ${split} prompts`, "data.path");
  }
  if (!needsScores(context.trial, split)) {
    return { prompts: { ids, scores: null }, told: null, answer: null };
  }
  const digest = set.scores_digest;
  const inputs = { ...rewards, data };
  const known = digest === null ? null : keptScores(digest, ids.length, context);
  const { combined, components, seconds } = await workerOf(context).call(
    "score_prompts",
    {
      split,
      prompts: uint32Bytes(ids),
      known: known?.map(({ name, scores }) => ({ name, scores: float32Bytes(scores) })) ?? null,
    },
    context.onProgress,
  );
  const scores = float32Array(combined);
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) {
    throw new TrialError(
      "diverged",
      `the reward scores ${split} prompt ${ids[bad]} as ${scores[bad]}`,
      "reward.model",
    );
  }
  if (known === null && digest !== null) {
    keep(
      digest,
      components.map(({ name, scores }) => ({ name, scores: float32Array(scores) })),
      { split, inputs },
      context,
    );
  }
  const told = { digest, cached: known !== null, seconds };
  return { prompts: { ids, scores }, told, answer: { combined, components } };
}

interface Kept {
  readonly split: Split;
  /** What they were made from, by role. */
  readonly inputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Cached scores that are damaged are reported and computed again. */
function keptScores(digest: string, count: number, context: TrialContext): PromptScores | null {
  return withoutCache(context, "are scored again", () => {
    const kept = context.ports.artifacts.promptScores(digest);
    return kept?.every(({ scores }) => scores.length === count) ? kept : null;
  });
}

function keep(
  digest: string,
  scores: PromptScores,
  { split, inputs }: Kept,
  context: TrialContext,
): void {
  withoutCache(context, "are not kept for later loads", () => {
    context.ports.artifacts.keepPromptScores(digest, scores, { name: split, inputs });
    return null;
  });
}

/** A cache that cannot be used costs time, not the run. */
function withoutCache<T>(context: TrialContext, so: string, use: () => T | null): T | null {
  try {
    return use();
  } catch (error) {
    const { reason, message } = failureFacts(error);
    if (reason !== "environment") {
      throw error;
    }
    context.note({ type: "warning", message: `the scores of the prompts ${so}: ${message}` });
    return null;
  }
}
