/**
 * One iteration:
 *
 *   prompts ── rollout ──> returns ── selectEpisodes ──> weights ── lossArrays ── update ──> texts ──> event
 *   (seed, m)   worker                 pure                          pure          worker    worker
 *
 * Every stream depends on the trial's seed, the purpose and m, never on the arm: arms of one seed
 * share prompts and sampling noise, and agree bit for bit until their weights first differ.
 */

import type { EventPayload } from "../../journal/events.js";
import { float32Bytes, uint32Bytes } from "../../protocol/arrays.js";
import type { Result } from "../../protocol/messages.js";
import { learningTerms } from "../../risk/algorithms.js";
import { controlledKl } from "../../risk/kl-controller.js";
import { isEmpty } from "../../risk/memory.js";
import { rewardQuantiles } from "../../risk/reward-quantiles.js";
import { weighsImportance } from "../../risk/samplers/registry.js";
import { mean } from "../../stats/intervals.js";
import { generator, streamSeed } from "../../stats/random.js";
import { iterationName } from "../../text/iterations.js";
import type { TrialAction } from "../action.js";
import {
  componentMeans,
  failedEpisodes,
  failedRewards,
  failureLimits,
  failuresOf,
  figures,
  figuresByName,
  readEpisodes,
  scoredEpisodes,
  scoresByName,
  taken,
} from "../episodes.js";
import { loadedOf, type TrialContext, workerOf } from "../trial-context.js";
import { alphaOf, annealed } from "./anneal.js";
import { batchFigures } from "./batch-figures.js";
import { keepCompletions } from "./completions.js";
import { sampledCondition } from "./conditions.js";
import { learned, samplerOf, samplingFigures } from "./draw-prompts.js";
import { tellDivergence } from "./evaluate.js";
import { klBase, klLossFigures, weightedKl } from "./kl-loss.js";
import {
  klCoefficient,
  type LossArrays,
  lossArrays,
  type PromptGroups,
  promptGroups,
  teaches,
} from "./loss-arrays.js";
import { selectEpisodes } from "./select-episodes.js";
import { keepTailTexts, worstEpisodes } from "./tail-texts.js";

type StepAction = Extract<TrialAction, { kind: "step" }>;
type StepPayload = Extract<EventPayload, { type: "step" }>;

/**
 * @throws {TrialError} before any update: of kind `diverged` when a figure of an episode that has a
 *   reward is NaN or infinite, or the KL of any; of kind `reward` when more rewards failed than
 *   `reward.max_failed_fraction` allows
 */
export async function iterate(action: StepAction, context: TrialContext): Promise<StepPayload> {
  const { experiment, trial, ports, onProgress } = context;
  const { seed, iterations } = trial;
  const { training, risk, kl, reward } = trial.config;
  const { step: m, beta } = action;
  const worker = workerOf(context);
  const { trainScores, trainRanks } = loadedOf(context);
  const sampler = samplerOf(context);
  // From the end of the step before, so that what the journal costs counts as the controller's.
  const startedAt = context.stepEndedAt ?? ports.clock();

  const terms = learningTerms(trial.config);
  const drawn = sampler.draw({ batch: terms.prompts, step: m, memory: action.memory.sampler });
  const prompts = repeated(drawn.prompts, terms.completions);
  const rolled = await worker.call(
    "rollout",
    {
      prompts: uint32Bytes(drawn.prompts),
      completions: terms.completions,
      condition: sampledCondition(trial.config),
      seed: streamSeed(seed, "rollout", m),
      kl_coefficient: terms.klForm === "return" ? beta : null,
    },
    onProgress,
  );
  const failures = failuresOf(rolled.components);
  const failed = failedEpisodes(failures);
  const episodes = readEpisodes(rolled, prompts, failed);
  const warning = failedRewards(
    `rewards of ${iterationName(m)}`,
    failureLimits(reward, rolled.components),
    prompts,
  );
  if (warning !== null) {
    context.note({ type: "warning", message: warning });
  }
  const promptScores =
    trainScores === null ? null : Float32Array.from(prompts, (id) => trainScores.get(id)!);
  const naturalWeights = repeated(drawn.naturalWeights, terms.completions);
  const importance = weighsImportance(trial.config.sampling) ? naturalWeights : null;
  const batch = { ...episodes, promptScores, importance, completions: terms.completions };
  const alpha = alphaOf(trial.config, m, action.memory.annealing);
  const position = { step: m, seed, alpha, beta, memory: action.memory.measure };
  const selected = selectEpisodes(risk, batch, position, failed);
  const { kept, weights } = selected;
  const factor = training.learning_rate_schedule === "linear" ? 1 - m / iterations : 1;
  const isHard = repeated(drawn.isHard, terms.completions);
  const ofKl = repeated(klBase(kl, drawn, trainRanks), terms.completions);
  const weighed = { ...episodes, selected, failed, klBase: ofKl };
  const anchorsRandom = generator(streamSeed(seed, "anchors", m));
  const arrays = lossArrays(trial.config, weighed, beta, anchorsRandom);
  const groups = promptGroups(training, weighed);
  const updated = teaches(arrays)
    ? await worker.call(
        "update",
        {
          rollout: rolled.rollout,
          ...lossBytes(arrays),
          conditions: learnedConditions(training, arrays, episodes.returns, failed),
          kl_loss:
            arrays.klWeights === null
              ? null
              : {
                  form: kl.loss,
                  coefficient: klCoefficient(trial.config, weighed, beta),
                  unit: kl.unit,
                },
          whiten: training.whiten,
          loss_aggregation: terms.lossAggregation,
          steps_per_epoch: terms.stepsPerEpoch,
          seed: streamSeed(seed, "update", m),
          learning_rate_factor: factor,
        },
        onProgress,
      )
    : await withoutUpdate(m, groups, context);
  const { tail_texts } = experiment.record;
  const worst = worstEpisodes(risk, batch, failed, tail_texts, terms.completions);
  const texts = await keepTailTexts(m, rolled.rollout, worst, context);

  const scored = scoredEpisodes(prompts.length, failed);
  const several = rolled.components.length > 1;
  const told = batchFigures(episodes, scored, weights, risk.alpha, importance);
  tellDivergence(m, { kl_mean: told.kl_mean }, context);
  const ofScored = (values: Float64Array) => values.filter((_, episode) => !failed.has(episode));
  const counts = importance === null ? null : ofScored(importance);
  const sampling = samplingFigures(trial.config, drawn, ofScored(naturalWeights));
  const at = { step: m, completions: terms.completions, memory: action.memory.sampler };
  const controlled =
    terms.klForm === "loss"
      ? weightedKl(episodes.kl, ofKl)
      : controlledKl(taken(episodes.kl, scored), taken(weights, scored), kl.population, counts);
  const { memory: annealing, told: alphaTold } = annealed(
    trial.config,
    { step: m, memory: action.memory.annealing },
    selected,
    { cvar: told.cvar, kl: controlled, scored: scored.length },
  );
  const memory = {
    annealing,
    measure: selected.memory,
    sampler: learned(sampler, trial.config, drawn, batch, failed, at),
  };
  const event = {
    type: "step" as const,
    step: m,
    alpha,
    kept,
    batch: prompts.length,
    failed: failed.size,
    ...(Object.keys(selected.figures).length === 0 ? {} : { risk_figures: selected.figures }),
    ...(groups === null ? {} : { groups }),
    ...(terms.klForm === "loss"
      ? { kl_loss: klLossFigures(kl.loss, arrays.klWeights, episodes.kl, isHard) }
      : {}),
    ...(sampling === undefined ? {} : { sampling }),
    ...told,
    kl_controlled: controlled,
    beta,
    ...alphaTold,
    entropy: rolled.entropy,
    ...namedFigures(updated.figures),
    learning_rate: training.learning_rate * factor,
    batch_fraction: drawn.hard / drawn.prompts.length,
    length_mean: mean(taken(episodes.lengths, scored)),
    compute: action.compute + updated.tokens,
    gradient_steps: updated.gradient_steps,
    memory_bytes: updated.memory_bytes,
    gpu: updated.gpu,
    ...(isEmpty(memory) ? {} : { memory }),
    episodes: {
      ...(several ? { components: figuresByName(scoresByName(rolled.components)) } : {}),
      prompt: Array.from(prompts),
      reward: figures(episodes.rewards),
      kl: figures(episodes.kl),
      return: figures(episodes.returns),
      length: Array.from(episodes.lengths),
      weight: figures(weights) as number[],
      ...(arrays.advantages === null ? {} : { advantage: figures(arrays.advantages) as number[] }),
      ...(importance === null
        ? {}
        : { importance: figures(Float32Array.from(importance)) as number[] }),
    },
    ...(several ? { components: componentMeans(rolled.components, scored, counts) } : {}),
  };
  const { seconds: more, kept: completions } = await keepCompletions(
    m,
    rolled.rollout,
    batch,
    failed,
    event.episodes,
    context,
  );
  const endedAt = ports.clock();
  context.stepEndedAt = endedAt;
  const seconds = splitOf(endedAt - startedAt, rolled, updated, texts + more);
  return {
    ...event,
    ...(completions === undefined ? {} : { completions }),
    seconds,
    episodes_per_s: rate(prompts.length, seconds.total),
  };
}

/** What there is of each prompt, for each of its episodes. */
function repeated<A extends Uint32Array | Uint8Array | Float64Array>(
  ofPrompts: A,
  times: number,
): A {
  const ofEpisodes = ofPrompts.constructor as new (length: number) => A;
  return new ofEpisodes(ofPrompts.length * times).map(
    (_, episode) => ofPrompts[Math.floor(episode / times)]!,
  ) as A;
}

/** The text that each episode is learned after; null: as it was drawn. */
function learnedConditions(
  { algorithm, quantiles }: TrialContext["trial"]["config"]["training"],
  { advantages }: LossArrays,
  returns: Float32Array,
  failed: ReadonlySet<number>,
): Uint8Array<ArrayBuffer> | null {
  const learns = algorithm === "quark" && advantages?.some((value) => value !== 0);
  return learns ? uint32Bytes(rewardQuantiles(returns, failed, quantiles)) : null;
}

function lossBytes({ weights, rewards, advantages, klWeights }: LossArrays) {
  const bytes = (array: Float32Array | null) => (array === null ? null : float32Bytes(array));
  // A worker refuses advantages that are all 0, and takes an update of the KL alone.
  const signal = advantages?.some((value) => value !== 0) ? advantages : null;
  return {
    weights: bytes(weights),
    rewards: bytes(rewards),
    advantages: bytes(signal),
    kl_weights: bytes(klWeights),
  };
}

/** What an update would have answered, where no episode has anything to teach: the weights stay. */
async function withoutUpdate(
  step: number,
  groups: PromptGroups | null,
  context: TrialContext,
): Promise<Omit<Result<"update">, "episodes">> {
  const why =
    groups === null
      ? "every advantage is 0"
      : `none of its ${groups.prompts} prompts has two completions with different rewards`;
  context.note({
    type: "warning",
    message: `${iterationName(step)} made no update: ${why}`,
  });
  const { memory_bytes } = await workerOf(context).call("ping", {});
  return { figures: {}, gradient_steps: 0, tokens: 0, memory_bytes, gpu: null, seconds: 0 };
}

/** The figures that every reader of a journal knows by name, and the engine's others. */
function namedFigures(told: Result<"update">["figures"]) {
  // What an episode's entropy was is told by the rollout, of the policy that sampled.
  const { entropy: _, ...others } = told;
  const named = [
    "loss_policy",
    "loss_value",
    "clip_fraction",
    "approx_kl",
    "grad_norm",
    "explained_variance",
  ] as const;
  const known = Object.fromEntries(named.map((name) => [name, told[name] ?? null]));
  const figures = Object.fromEntries(
    Object.entries(others).filter(([name]) => !(named as readonly string[]).includes(name)),
  );
  return { ...(known as Record<(typeof named)[number], number | null>), figures };
}

function splitOf(
  total: number,
  rolled: Result<"rollout">,
  updated: Pick<Result<"update">, "seconds">,
  texts: number,
): StepPayload["seconds"] {
  const { sample, reference, reward } = rolled.seconds;
  const rollout = sample + reference + reward;
  const update = updated.seconds;
  // The worker's clock is not ours: the difference may fall under 0 by its resolution.
  const controller = Math.max(0, total - rollout - update - texts);
  return { total, rollout, sample, reference, reward, update, texts, controller };
}

function rate(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0;
}
