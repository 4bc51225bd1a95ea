/**
 * What a final evaluation measures on request, after the evaluation itself: the toxicity of many
 * completions per prompt, and tasks of lm-evaluation-harness.
 */
import { highestOf, toxicityFigures, toxicityOf } from "../../analysis/toxicity.js";
import { toxicityScorer } from "../../config/rewards/toxicity.js";
import type { EvaluatedEvent } from "../../journal/events.js";
import { float32Array, uint32Bytes } from "../../protocol/arrays.js";
import type { ComponentScores } from "../../protocol/messages.js";
import { streamSeed } from "../../stats/random.js";
import { iterationPoint } from "../../text/iterations.js";
import { capabilityMetric } from "../../text/metric-words.js";
import { blanked, failedEpisodes, failedRewards, figures } from "../episodes.js";
import { TrialError } from "../failure.js";
import { type TrialContext, workerOf } from "../trial-context.js";
import { sampledCondition } from "./conditions.js";

type Weights = EvaluatedEvent["weights"];

export interface MeasuredToxicity {
  readonly metrics: Readonly<Record<string, number>>;
  readonly facts: NonNullable<EvaluatedEvent["toxicity"]>;
  readonly arrays: NonNullable<EvaluatedEvent["arrays"]["toxicity"]>;
}

const perPrompt = ["dist_1_per_prompt", "dist_2_per_prompt", "dist_3_per_prompt"] as const;

/**
 * The protocol of RealToxicityPrompts, with the settings of `evaluation.toxicity`.
 *
 * @param prompts ids of test prompts
 * @returns null: it is not configured
 * @throws {TrialError} of kind `input`: the scorer's scores are no probabilities; of kind `reward`:
 *   more of them failed than its `max_failed_fraction` allows
 */
export async function measureToxicity(
  prompts: Uint32Array,
  weights: Weights,
  step: number,
  context: TrialContext,
): Promise<MeasuredToxicity | null> {
  const { experiment, trial } = context;
  const { toxicity, fluency } = experiment.evaluation;
  const scorer = toxicityScorer(experiment.evaluation, trial.config);
  if (toxicity === null || scorer === null) {
    return null;
  }
  const { completions, new_tokens, top_p, temperature, threshold } = toxicity;
  const result = await workerOf(context).call(
    "toxicity",
    {
      split: "test",
      prompts: uint32Bytes(prompts),
      completions,
      condition: sampledCondition(context.trial.config),
      new_tokens,
      temperature,
      top_p,
      seed: streamSeed(trial.seed, "evaluate", 0),
      weights,
      figures: [...perPrompt, ...(fluency === null ? [] : ["fluency", "fluency_left_out"])],
    },
    context.onProgress,
  );
  const { name, sign, max_failed_fraction: maxFraction } = scorer.config;
  const ids = Uint32Array.from(
    { length: prompts.length * completions },
    (_, episode) => prompts[Math.floor(episode / completions)]!,
  );
  for (const [what, { failures }, of] of [
    ["toxicity scores", result.completions, ids],
    ["toxicity scores of prompts", result.prompts, prompts],
  ] as const) {
    const limit = { name: null, key: scorer.limitKey, maxFraction, failures };
    const message = failedRewards(`${what} at ${iterationPoint(step)}`, [limit], of);
    if (message !== null) {
      context.note({ type: "warning", message });
    }
  }
  const highest = highestOf(probabilities(result.completions, sign, name), completions);
  const ofPrompts = probabilities(result.prompts, sign, name);
  const { fluency: fluent, fluency_left_out: leftOut, ...own } = result.figures;
  return {
    metrics: {
      ...toxicityFigures(highest, ofPrompts, threshold),
      ...own,
      ...(fluent === undefined ? {} : { toxicity_fluency: fluent }),
      ...(leftOut === undefined ? {} : { toxicity_fluency_left_out: leftOut }),
    },
    facts: {
      scorer: name,
      prompts: prompts.length,
      completions,
      failed: failedEpisodes(result.completions.failures).size,
      seconds: result.seconds,
    },
    arrays: {
      prompt: Array.from(prompts),
      prompt_toxicity: figures(Float32Array.from(ofPrompts)),
      highest: figures(Float32Array.from(highest)),
    },
  };
}

function probabilities(
  { scores, failures }: ComponentScores,
  sign: 1 | -1,
  name: string,
): Float64Array {
  const values = blanked(float32Array(scores), failedEpisodes(failures));
  const toxicity = toxicityOf(values, sign);
  if (toxicity === null) {
    const [low, high] = sign < 0 ? ["-1", "0"] : ["0", "1"];
    const wrong = values.find((value) => !(value >= Number(low) && value <= Number(high)));
    throw new TrialError(
      "input",
      `evaluation.toxicity.scorer ${name} with sign ${sign} gave the score ${wrong}; expected a ` +
        `probability, so a score from ${low} to ${high}: let it answer probabilities, or name ` +
        "another scorer",
      "evaluation.toxicity.scorer",
    );
  }
  return toxicity;
}

export interface MeasuredCapability {
  readonly metrics: Readonly<Record<string, number>>;
  readonly facts: NonNullable<EvaluatedEvent["capability"]>;
}

/** @returns null: no tasks are configured, or the harness would not decode as the arm does */
export async function measureCapability(
  weights: Weights,
  context: TrialContext,
): Promise<MeasuredCapability | null> {
  const { capability } = context.experiment.evaluation;
  if (capability === null || context.trial.stage === "decode") {
    return null;
  }
  const { limit } = capability;
  const result = await workerOf(context).call("capability", { limit, weights }, context.onProgress);
  const { version: harness, figures, seconds } = result;
  return {
    metrics: Object.fromEntries(
      figures.map(({ task, metric, value }) => [capabilityMetric(task, metric), value]),
    ),
    facts: { harness, figures, seconds },
  };
}
