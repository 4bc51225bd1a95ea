/**
 * One iteration:
 *
 *   prompts ── rollout ──> returns ── selectEpisodes ──> weights ── update ──> event
 *   (seed, m)   worker                 pure                          worker
 *
 * Every stream depends on the trial's seed, the purpose and m, never on the arm: arms of one seed
 * share prompts and sampling noise, and agree bit for bit until their weights first differ.
 */
import { conditionalValueAtRisk, valueAtRisk } from "../domain/cvar.js";
import { controlledKl } from "../domain/kl-controller.js";
import { drawPrompts } from "../domain/prompt-sampler.js";
import { streamSeed } from "../domain/random.js";
import { mean } from "../domain/statistics.js";
import { float32Array, float32Bytes, uint32Array, uint32Bytes } from "../protocol/arrays.js";
import type { Result } from "../protocol/messages.js";
import type { TrialAction } from "./actions.js";
import type { Happening } from "./events.js";
import { TrialError } from "./failure.js";
import { figures } from "./figures.js";
import { selectEpisodes } from "./select-episodes.js";
import { loadedOf, type Prompts, type TrialContext, workerOf } from "./trial-context.js";

type StepAction = Extract<TrialAction, { kind: "step" }>;
type StepHappening = Extract<Happening, { type: "step" }>;

/**
 * @throws {TrialError} of kind `diverged`, before any update, when an episode's figure is NaN or
 *   infinite
 */
export async function iterate(action: StepAction, context: TrialContext): Promise<StepHappening> {
  const { trial, ports, onProgress } = context;
  const { seed, iterations } = trial;
  const { training, sampling, risk, kl } = trial.config;
  const { step: m, beta } = action;
  const worker = workerOf(context);
  const { train, trainScores } = loadedOf(context);
  // From the end of the step before, so that what the journal costs counts as the controller's.
  const startedAt = context.stepEndedAt ?? ports.clock();

  const { prompts, hard } = drawBatch(train, training.batch, m, seed, sampling);
  const rolled = await worker.call(
    "rollout",
    {
      prompts: uint32Bytes(prompts),
      seed: streamSeed(seed, "rollout", m),
      kl_coefficient: beta,
    },
    onProgress,
  );
  const episodes = readEpisodes(rolled, prompts);
  const promptScores = Float32Array.from(prompts, (id) => trainScores.get(id)!);
  const { alpha, kept, weights } = selectEpisodes(
    risk,
    { ...episodes, promptScores },
    m,
    iterations,
    seed,
  );
  const factor = training.learning_rate_schedule === "linear" ? 1 - m / iterations : 1;
  const updated = await worker.call(
    "update",
    {
      rollout: rolled.rollout,
      weights: float32Bytes(weights),
      seed: streamSeed(seed, "update", m),
      learning_rate_factor: factor,
    },
    onProgress,
  );

  const event = {
    type: "step" as const,
    step: m,
    alpha,
    kept,
    batch: prompts.length,
    reward_mean: mean(episodes.rewards),
    return_mean: mean(episodes.returns),
    cvar: conditionalValueAtRisk(episodes.returns, risk.alpha),
    var: valueAtRisk(episodes.returns, risk.alpha),
    tail_mean: mean(episodes.returns.filter((_, episode) => weights[episode]! > 0)),
    kl_mean: mean(episodes.kl),
    kl_controlled: controlledKl(episodes.kl, weights, kl.population),
    beta,
    entropy: rolled.entropy,
    loss_policy: updated.loss_policy,
    loss_value: updated.loss_value,
    clip_fraction: updated.clip_fraction,
    approx_kl: updated.approx_kl,
    grad_norm: updated.grad_norm,
    explained_variance: updated.explained_variance,
    learning_rate: training.learning_rate * factor,
    hard_share: hard / prompts.length,
    length_mean: mean(episodes.lengths),
    compute: action.compute + updated.tokens,
    memory_bytes: updated.memory_bytes,
    episodes: {
      prompt: Array.from(prompts),
      reward: figures(episodes.rewards),
      kl: figures(episodes.kl),
      return: figures(episodes.returns),
      length: Array.from(episodes.lengths),
      weight: figures(weights) as number[],
    },
  };
  const endedAt = ports.clock();
  context.stepEndedAt = endedAt;
  const seconds = splitOf(endedAt - startedAt, rolled, updated);
  return { ...event, seconds, episodes_per_s: rate(prompts.length, seconds.total) };
}

function drawBatch(
  train: Prompts,
  batch: number,
  step: number,
  seed: number,
  sampling: TrialContext["trial"]["config"]["sampling"],
): { prompts: Uint32Array; hard: number } {
  return drawPrompts({
    ...train,
    batch,
    step,
    seed,
    strategy: sampling.strategy,
    hardShare: sampling.hard_share,
    hardQuantile: sampling.hard_quantile,
  });
}

interface EpisodeArrays {
  readonly rewards: Float32Array;
  readonly kl: Float32Array;
  readonly returns: Float32Array;
  readonly lambdaReturns: Float32Array;
  readonly lengths: Uint32Array;
}

function readEpisodes(rolled: Result<"rollout">, prompts: Uint32Array): EpisodeArrays {
  const arrays = {
    rewards: float32Array(rolled.reward),
    kl: float32Array(rolled.kl),
    returns: float32Array(rolled.return),
    lambdaReturns: float32Array(rolled.lambda_return),
    lengths: uint32Array(rolled.length),
  };
  requireFiniteEpisodes(arrays, prompts);
  return arrays;
}

/** An update from such a batch would spoil the weights for good. */
function requireFiniteEpisodes(arrays: EpisodeArrays, prompts: Uint32Array): void {
  for (const name of ["rewards", "kl", "returns", "lambdaReturns"] as const) {
    const values = arrays[name];
    const bad = [...values.keys()].filter((episode) => !Number.isFinite(values[episode]));
    if (bad.length > 0) {
      const listed = bad
        .slice(0, 20)
        .map((episode) => `episode ${episode} (prompt ${prompts[episode]}): ${values[episode]}`);
      throw new TrialError(
        "diverged",
        `${bad.length} of ${values.length} episodes have ${name} that are not finite, the first ` +
          `${listed[0]}; no update was made`,
        null,
        listed.join("\n"),
      );
    }
  }
}

function splitOf(
  total: number,
  rolled: Result<"rollout">,
  updated: Result<"update">,
): StepHappening["seconds"] {
  const { sample, reference, reward } = rolled.seconds;
  const rollout = sample + reference + reward;
  const update = updated.seconds;
  // The worker's clock is not ours: the difference may fall under 0 by its resolution.
  const controller = Math.max(0, total - rollout - update);
  return { total, rollout, sample, reference, reward, update, controller };
}

function rate(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0;
}
