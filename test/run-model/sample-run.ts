/** A made-up trial from a seed: heavy-tailed returns that rise, as events and as a view's model. */
import { type ArmConfig, armSections } from "../../src/config/schema/experiment.js";
import { selectEpisodes } from "../../src/engine/actions/select-episodes.js";
import type { EpisodeText } from "../../src/engine/ports.js";
import type { Episodes, StepEvent } from "../../src/journal/events.js";
import { conditionalValueAtRisk, valueAtRisk } from "../../src/risk/tail.js";
import type { RunModel, StepHead, TrialModel } from "../../src/run-model/run-model.js";
import { mean } from "../../src/stats/intervals.js";
import { generator, type Random } from "../../src/stats/random.js";
import { batchOf, positionAt } from "../engine/actions/batches.js";

export const iterations = 60;

export function armConfig(risk: Partial<ArmConfig["risk"]> = {}): ArmConfig {
  const sections = Object.fromEntries(
    Object.entries(armSections).map(([name, schema]) => [name, schema.parse({})]),
  ) as unknown as Pick<ArmConfig, keyof typeof armSections>;
  return {
    ...sections,
    stage: "rl",
    training: { ...sections.training, iterations, batch: 64 },
    risk: { ...sections.risk, warmup: 6, ...risk },
  };
}

/** Float32 values, as the journal has them. */
function normal(random: Random): number {
  return random() + random() + random() + random() - 2;
}

function stepEvent(config: ArmConfig, seed: number, m: number, random: Random): StepEvent {
  const { batch } = config.training;
  const draws = Array.from({ length: batch }, () => {
    const bad = random() < 0.2 ? -4 * random() : 0;
    return {
      reward: Math.fround(m / 30 + normal(random) + bad),
      kl: Math.fround(m / 10 + random()),
    };
  });
  const beta = 0.2;
  const reward = draws.map((one) => one.reward);
  const kl = draws.map((one) => one.kl);
  const returns = draws.map((one) => Math.fround(one.reward - beta * one.kl));
  const prompt = draws.map(() => Math.floor(random() * 300));
  const position = positionAt(config.risk, m, iterations, seed);
  const { alpha } = position;
  const batched = batchOf(returns, {
    rewards: Float32Array.from(reward),
    promptScores: Float32Array.from(prompt, (id) => Math.sin(id)),
  });
  const { kept, weights } = selectEpisodes(config.risk, batched, position);
  const length = draws.map(() => 16 + Math.floor(random() * 32));
  return {
    seq: 10 + m,
    time: `2026-11-23T10:${String(Math.floor(m / 60) + 10).padStart(2, "0")}:${String(m % 60).padStart(2, "0")}.000Z`,
    trial: `ra-rlhf-s${seed}`,
    type: "step",
    step: m,
    alpha,
    kept,
    batch,
    failed: 0,
    reward_mean: mean(reward),
    return_mean: mean(returns),
    cvar: conditionalValueAtRisk(returns, config.risk.alpha),
    var: valueAtRisk(returns, config.risk.alpha),
    tail_mean: mean(returns.filter((_, at) => weights[at]! > 0)),
    kl_mean: mean(kl),
    kl_controlled: mean(kl),
    beta: beta + m / 1000,
    entropy: 4 - m / 40 + 0.05 * normal(random),
    loss_policy: 0.01 * normal(random),
    loss_value: 2 / (1 + m / 10) + 0.1 * random(),
    clip_fraction: 0.1 * random(),
    approx_kl: 0.01 * random(),
    grad_norm: 1 + random(),
    explained_variance: 0.5,
    figures: {},
    learning_rate: 2e-4,
    batch_fraction: 0,
    length_mean: mean(length),
    compute: 1000 * (m + 1),
    memory_bytes: 1.24e9,
    gpu: null,
    seconds: {
      total: 2,
      rollout: 1.2,
      sample: 1,
      reference: 0.1,
      reward: 0.1,
      update: 0.75,
      texts: 0,
      controller: 0.05,
    },
    episodes_per_s: batch / 2,
    episodes: { prompt, reward, kl, return: returns, length, weight: Array.from(weights) },
  };
}

export interface SampleRun {
  readonly config: ArmConfig;
  readonly events: readonly (StepEvent & { readonly episodes: Episodes })[];
  readonly trial: TrialModel;
}

/** @param steps how many are done */
export function sampleRun(seed: number, steps: number, config = armConfig()): SampleRun {
  const random = generator(seed);
  const events = Array.from({ length: steps }, (_, m) =>
    stepEvent(config, seed, m, random),
  ) as SampleRun["events"];
  return { config, events, trial: trialOf(seed, events) };
}

function trialOf(seed: number, events: SampleRun["events"]): TrialModel {
  return {
    id: `ra-rlhf-s${seed}`,
    arm: "ra-rlhf",
    seed,
    stage: "rl",
    iterations,
    status: "running",
    phase: { name: "update", done: 40, total: 64, unit: "episodes", since: 100 },
    loss: null,
    steps: events.map(({ episodes: _, ...head }, at) => ({
      head: head as StepHead,
      entry: { head: head as StepHead, offset: 1000 * at, length: 1000 },
    })),
    evaluations: [],
    checkpoints: [],
    worker: {
      seq: 3,
      time: "2026-11-23T10:09:00.000Z",
      trial: `ra-rlhf-s${seed}`,
      type: "worker_ready",
      pid: 42,
      engine: "torch",
      device: "cuda:0",
      device_name: "NVIDIA H200",
      dtype: "bfloat16",
      threads: 1,
      processes: 1,
      strategy: null,
      parameters: 1e6,
      versions: {},
      nondeterminism: [],
      lacks: [],
      model_settings: {},
      digests: {},
      prompts: { train: 400, test: 100, overlap: 0 },
      rows: null,
      template: null,
      reward_preview: null,
      prompt_scores: {},
      memory_bytes: 1e9,
      gpu: null,
      seconds: 3,
    },
    restarts: 0,
    failedRewards: 0,
    message: null,
    exported: null,
    startedAt: 0,
    endedAt: null,
    lastStepAt: 90,
    pace: 2,
  };
}

export function runOf(trials: readonly TrialModel[], changes: Partial<RunModel> = {}): RunModel {
  return {
    name: "quickstart",
    state: "running",
    trials,
    parallel: 1,
    startedAt: "2026-11-23T10:08:00.000Z",
    lastAt: "2026-11-23T10:11:00.000Z",
    takenUpAt: "2026-11-23T10:08:00.000Z",
    secondsBefore: 0,
    inHand: [],
    log: [],
    message: "",
    ...changes,
  };
}

export function textsOf(episodes: Episodes): EpisodeText[] {
  const openings = ["The film was", "I thought that", "Honestly, this", "After an hour,"];
  const endings = ["a waste of two hours.", "dull and far too long.", "not for me at all."];
  return [...episodes.return.keys()]
    .sort((a, b) => episodes.return[a]! - episodes.return[b]!)
    .slice(0, 8)
    .map((episode) => ({
      episode,
      prompt: openings[episode % openings.length]!,
      completion: endings[episode % endings.length]!,
    }));
}
