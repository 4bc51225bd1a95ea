/** One evaluation of a trial's policy on test prompts: for the frontier, or the final one. */
import { bestOfKlBound } from "../../analysis/best-of-n.js";
import { divergence } from "../../analysis/cautions.js";
import { metricSettings, metricsOf } from "../../analysis/metrics.js";
import { judgeKey, namedJudges } from "../../config/rewards/components.js";
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import type { EventPayload } from "../../journal/events.js";
import { float32Array, uint32Array, uint32Bytes } from "../../protocol/arrays.js";
import type { ComponentScores } from "../../protocol/messages.js";
import { worst } from "../../risk/selection.js";
import { streamSeed } from "../../stats/random.js";
import { divergenceText } from "../../text/divergence.js";
import { iterationPoint } from "../../text/iterations.js";
import type { TrialAction } from "../action.js";
import {
  blanked,
  type FailureLimit,
  failedEpisodes,
  failedRewards,
  failureLimits,
  failuresOf,
  figures,
  figuresByName,
  scoredEpisodes,
  scoresByName,
  taken,
} from "../episodes.js";
import { TrialError } from "../failure.js";
import { loadedOf, type Prompts, type TrialContext, workerOf } from "../trial-context.js";
import { sampledCondition } from "./conditions.js";
import { measureCapability, measureToxicity } from "./measures.js";

type EvaluateAction = Extract<TrialAction, { kind: "evaluate" }>;
type Evaluated = Extract<EventPayload, { type: "evaluated" }>;

/**
 * One seed for all evaluations of a trial's seed: arms and checkpoints are compared on the same
 * prompts with the same sampling noise. EMA weights are evaluated where they are kept, at every
 * step, so that a frontier and its end are of one kind.
 *
 * @throws {TrialError} of kind `diverged` when a figure is NaN or infinite though it did not fail;
 *   of kind `reward` when more rewards, or judge scores, failed than `max_failed_fraction` allows
 */
export async function evaluate(action: EvaluateAction, context: TrialContext): Promise<Evaluated> {
  const { experiment, trial, ports } = context;
  const { evaluation, checkpoint } = experiment;
  const test = withScores(loadedOf(context).test);
  const { step, final, compute } = action;
  const chosen = spreadPrompts(test, final ? evaluation.prompts : evaluation.every_prompts);
  const averaged = step > 0 && trial.config.training.ema_decay > 0;
  const shown = final ? spread(chosen.scores, evaluation.samples) : [];
  // Held-out texts are nobody's best of n, have no instruction, and leave the experts' nucleus.
  const perplexity = trial.stage !== "decode" && (final || checkpoint.keep_best === "perplexity");
  const result = await workerOf(context).call(
    "evaluate",
    {
      split: "test",
      prompts: uint32Bytes(chosen.ids),
      completions: 1,
      condition: evaluatedCondition(step, trial.config),
      seed: streamSeed(trial.seed, "evaluate", 0),
      weights: averaged ? "ema" : "current",
      figures: wantedFigures(final, perplexity, context),
      samples: uint32Bytes(shown),
    },
    context.onProgress,
  );
  const failures = failuresOf(result.components);
  const failed = failedEpisodes(failures);
  const [first = null, ...further] = result.judges;
  const unjudged = failedEpisodes(first?.failures ?? []);
  const rewards = blanked(float32Array(result.reward), failed);
  const kl = klOf(float32Array(result.kl), trial.config);
  const judge = first === null ? null : blanked(float32Array(first.scores), unjudged);
  const components = result.components.length > 1 ? scoresByName(result.components) : {};
  const judges = scoresByName(further);
  const lengths = uint32Array(result.length);
  requireFinite("reward", rewards, chosen.ids, failed);
  requireFinite("kl", kl, chosen.ids);
  for (const { name, scores, failures } of result.judges) {
    const what = further.length === 0 ? "judge" : `judge ${name}`;
    requireFinite(what, float32Array(scores), chosen.ids, failedEpisodes(failures));
  }
  tellFailures(step, result.components, result.judges, chosen.ids, context);
  const scored = scoredEpisodes(chosen.ids.length, failed);
  const metrics = metricsOf(
    {
      promptScores: taken(chosen.scores, scored),
      rewards: taken(rewards, scored),
      harm: taken(harmScores(experiment, rewards, scoresByName(result.components)), scored),
      judge: judge === null ? null : taken(judge, scored),
      components: takenByName(components, scored),
      judges: takenByName(judges, scored),
      kl: taken(kl, scored),
      lengths: taken(lengths, scored),
      dist: [
        figure(result.figures, "dist_1"),
        figure(result.figures, "dist_2"),
        figure(result.figures, "dist_3"),
      ],
      perplexity: result.figures.perplexity ?? null,
    },
    metricSettings(experiment),
  );
  tellDivergence(step, metrics, context);
  const weights = averaged ? "ema" : "current";
  const measured = final ? await measure(test, weights, step, context) : null;
  return {
    type: "evaluated",
    step,
    final,
    weights,
    compute,
    failed: failed.size,
    metrics: { ...metrics, ...chosenFigures(result.figures), ...measured?.metrics },
    arrays: {
      ...measured?.arrays,
      ...(result.components.length > 1 ? { components: figuresByName(components) } : {}),
      ...(further.length > 0 ? { judges: figuresByName(judges) } : {}),
      prompt: Array.from(chosen.ids),
      prompt_score: figures(chosen.scores),
      reward: figures(rewards),
      judge: judge === null ? null : figures(judge),
      kl: figures(kl),
      length: Array.from(lengths),
    },
    ...measured?.facts,
    samples:
      result.samples.length > 0
        ? ports.recorder.writeSamples(
            trial.id,
            step,
            result.samples.map(({ episode: _, ...sample }) => sample),
          )
        : null,
    memory_bytes: result.memory_bytes,
    gpu: result.gpu,
    seconds: result.seconds,
  };
}

/**
 * KL from the reference, by episode: the worker's log π/π_ref of the completion; of the best of n
 * also the bound of its KL from the policy that drew it, as log(π_best/π) is not known of an episode.
 */
function klOf(logRatios: Float32Array, { stage, decoding }: ArmConfig): Float32Array {
  const bound = stage === "decode" ? bestOfKlBound(decoding.best_of) : 0;
  return bound === 0 ? logRatios : logRatios.map((one) => one + bound);
}

/** What was not trained yet does not know what its texts mean. */
export function evaluatedCondition(step: number, arm: ArmConfig): number | null {
  return arm.stage === "rl" && step === 0 ? null : sampledCondition(arm);
}

/** Figures that are metrics as they are, of the evaluations that have them. */
const asTheyAre = ["repetition_rate", "self_bleu", "fluency", "fluency_left_out"] as const;

/** Of the final evaluation all that the engine knows; of one for the frontier what it is drawn from. */
function wantedFigures(final: boolean, perplexity: boolean, context: TrialContext): string[] {
  const { fluency } = context.experiment.evaluation;
  const more = asTheyAre.filter((name) => fluency !== null || !name.startsWith("fluency"));
  const known = workerOf(context).hello.figures.evaluate;
  return [
    ...["dist_1", "dist_2", "dist_3"],
    ...(perplexity ? ["perplexity"] : []),
    ...(final ? more.filter((name) => Object.hasOwn(known, name)) : []),
  ];
}

function chosenFigures(figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    asTheyAre.flatMap((name) => (figures[name] === undefined ? [] : [[name, figures[name]]])),
  );
}

/** What a final evaluation measures on request. */
async function measure(
  test: ScoredPrompts,
  weights: Evaluated["weights"],
  step: number,
  context: TrialContext,
): Promise<{
  readonly metrics: Readonly<Record<string, number>>;
  readonly arrays: Pick<Evaluated["arrays"], "toxicity">;
  readonly facts: Pick<Evaluated, "toxicity" | "capability">;
}> {
  const { ids } = spreadPrompts(test, context.experiment.evaluation.toxicity?.prompts ?? 0);
  const toxicity = await measureToxicity(ids, weights, step, context);
  const capability = await measureCapability(weights, context);
  return {
    metrics: { ...toxicity?.metrics, ...capability?.metrics },
    arrays: toxicity === null ? {} : { toxicity: toxicity.arrays },
    facts: {
      ...(toxicity === null ? {} : { toxicity: toxicity.facts }),
      ...(capability === null ? {} : { capability: capability.facts }),
    },
  };
}

/**
 * Once a trial: training continues, and its figures may recover, but the user should know.
 *
 * @param step iterations done
 * @param metrics of an evaluation, or of a batch sampled in training: that has no perplexity
 */
export function tellDivergence(
  step: number,
  metrics: Readonly<Record<string, number>>,
  context: TrialContext,
): void {
  const [sign] = divergence(context.trial, metrics);
  if (sign !== undefined && !context.diverged) {
    context.diverged = true;
    const message = `the policy at ${iterationPoint(step)} has diverged: ${divergenceText(sign)}`;
    context.note({ type: "warning", message });
  }
}

/** What harm is told by: the combined reward, or the component that the configuration names. */
function harmScores(
  { evaluation }: Experiment,
  rewards: Float32Array,
  components: Readonly<Record<string, Float32Array>>,
): Float32Array {
  const name = evaluation.harm_component;
  return name === null ? rewards : components[name]!;
}

type ScoredPrompts = Prompts & { readonly scores: Float32Array };

/** @throws {Error} a fault of the engine: a trial that is evaluated needs them */
function withScores({ ids, scores }: Prompts): ScoredPrompts {
  if (scores === null) {
    throw new Error("the test prompts were not scored");
  }
  return { ids, scores };
}

/** Positions at even ranks of prompt score, the worst first. */
function spread(scores: Float32Array, count: number): number[] {
  const byScore = worst(scores, scores.length);
  const shown = Math.min(count, byScore.length);
  return Array.from(
    { length: shown },
    (_, i) => byScore[Math.round((i * (byScore.length - 1)) / Math.max(shown - 1, 1))]!,
  );
}

function figure(figures: Readonly<Record<string, number>>, name: string): number {
  const value = figures[name];
  if (value === undefined) {
    throw new TrialError("protocol", `the worker's evaluation has no ${name}`);
  }
  return value;
}

function takenByName(
  arrays: Readonly<Record<string, Float32Array>>,
  episodes: Uint32Array,
): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => [name, taken(values, episodes)]),
  );
}

function requireFinite(
  name: string,
  values: Float32Array,
  ids: Uint32Array,
  failed: ReadonlySet<number> = new Set(),
): void {
  const bad = values.findIndex((value, at) => !Number.isFinite(value) && !failed.has(at));
  if (bad >= 0) {
    throw new TrialError(
      "diverged",
      `the evaluation's ${name} of test prompt ${ids[bad]} is ${values[bad]}`,
    );
  }
}

/** Failed rewards and judge scores go into the journal; too many of either end the trial. */
function tellFailures(
  step: number,
  components: readonly ComponentScores[],
  judges: readonly ComponentScores[],
  ids: Uint32Array,
  { trial, experiment, note }: TrialContext,
): void {
  const configured = namedJudges(experiment.evaluation.judges);
  const told: (readonly [string, readonly FailureLimit[]])[] = [
    ["rewards", failureLimits(trial.config.reward, components)],
    ...judges.map(({ name, failures }, place) => {
      const limit: FailureLimit = {
        name: null,
        key: judgeKey(place, "max_failed_fraction"),
        maxFraction: configured[place]!.max_failed_fraction,
        failures,
      };
      return [judges.length === 1 ? "judge scores" : `scores of judge ${name}`, [limit]] as const;
    }),
  ];
  for (const [what, limits] of told) {
    const evaluated = `${what} of the evaluation at ${iterationPoint(step)}`;
    const message = failedRewards(evaluated, limits, ids);
    if (message !== null) {
      note({ type: "warning", message });
    }
  }
}

/**
 * `count` prompts evenly spread over the ranks of prompt score, in the set's own order; all of
 * them where there are no more. The same for every arm: evaluations are paired by prompt.
 */
export function spreadPrompts(prompts: ScoredPrompts, count: number): ScoredPrompts {
  const total = prompts.ids.length;
  if (count >= total) {
    return prompts;
  }
  const byScore = worst(prompts.scores, total);
  const chosen = Uint32Array.from(
    { length: count },
    (_, index) => byScore[Math.floor(((index + 0.5) * total) / count)]!,
  ).sort();
  return {
    ids: chosen.map((index) => prompts.ids[index]!),
    scores: Float32Array.from(chosen, (index) => prompts.scores[index]!),
  };
}
