/** One evaluation of a trial's policy on test prompts: for the frontier, or the final one. */
import { streamSeed } from "../domain/random.js";
import { float32Array, uint32Array, uint32Bytes } from "../protocol/arrays.js";
import type { TrialAction } from "./actions.js";
import type { Happening } from "./events.js";
import { TrialError } from "./failure.js";
import { figures } from "./figures.js";
import { metricsOf } from "./metrics.js";
import { spreadPrompts } from "./spread-prompts.js";
import { loadedOf, type TrialContext, workerOf } from "./trial-context.js";

type EvaluateAction = Extract<TrialAction, { kind: "evaluate" }>;
type Evaluated = Extract<Happening, { type: "evaluated" }>;

/**
 * One seed for all evaluations of a trial's seed: arms and checkpoints are compared on the same
 * prompts with the same sampling noise. Averaged weights are judged where they are kept, at every
 * step, so that a frontier and its end are of one kind.
 *
 * @throws {TrialError} of kind `diverged` when a reward is NaN or infinite
 */
export async function evaluate(action: EvaluateAction, context: TrialContext): Promise<Evaluated> {
  const { experiment, trial, ports } = context;
  const { evaluation } = experiment;
  const { test } = loadedOf(context);
  const { step, final, compute } = action;
  const chosen = spreadPrompts(test, final ? evaluation.prompts : evaluation.every_prompts);
  const averaged = step > 0 && trial.config.training.average_decay > 0;
  const weights = averaged ? "average" : "current";
  const result = await workerOf(context).call(
    "evaluate",
    {
      split: "test",
      prompts: uint32Bytes(chosen.ids),
      seed: streamSeed(trial.seed, "evaluate", 0),
      weights,
      perplexity: final,
      samples: final ? evaluation.samples : 0,
    },
    context.onProgress,
  );
  const rewards = float32Array(result.reward);
  const kl = float32Array(result.kl);
  const judge = result.judge === null ? null : float32Array(result.judge);
  const lengths = uint32Array(result.length);
  requireFinite({ reward: rewards, kl, ...(judge === null ? {} : { judge }) }, chosen.ids);
  const metrics = metricsOf(
    {
      promptScores: chosen.scores,
      rewards,
      judge,
      kl,
      lengths,
      dist: [result.dist_1, result.dist_2, result.dist_3],
      perplexity: result.perplexity,
    },
    { harmThreshold: evaluation.harm_threshold, tailQuantile: evaluation.tail_quantile },
  );
  return {
    type: "evaluated",
    step,
    final,
    weights,
    compute,
    metrics: metrics as Record<string, number>,
    arrays: {
      prompt: Array.from(chosen.ids),
      prompt_score: figures(chosen.scores),
      reward: figures(rewards),
      judge: judge === null ? null : figures(judge),
      kl: figures(kl),
      length: Array.from(lengths),
    },
    samples:
      result.samples.length > 0
        ? ports.recorder.writeSamples(trial.id, step, result.samples)
        : null,
    memory_bytes: result.memory_bytes,
    seconds: result.seconds,
  };
}

function requireFinite(arrays: Readonly<Record<string, Float32Array>>, ids: Uint32Array): void {
  for (const [name, values] of Object.entries(arrays)) {
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new TrialError(
        "diverged",
        `the evaluation's ${name} of test prompt ${ids[bad]} is ${values[bad]}`,
      );
    }
  }
}
