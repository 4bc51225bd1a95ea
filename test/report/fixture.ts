/**
 * A made-up run for tests of what is shown: five arms, their journals and their evaluation, drawn
 * from a seeded generator. The figures have the shape of real ones and mean nothing.
 */

import { conclusion } from "../../src/analysis/conclusion.js";
import type { Comparison, Evaluation, FrontierPoint } from "../../src/analysis/evaluation.js";
import { costFigures } from "../../src/analysis/final-metrics.js";
import { metricsOf } from "../../src/analysis/metrics.js";
import { seedDifference } from "../../src/analysis/seed-difference.js";
import { type RunFigures, withEvent } from "../../src/analysis/trial-figures.js";
import { resolvedEvaluation } from "../../src/config/rewards/evaluation.js";
import {
  type ArmConfig,
  type Experiment,
  experimentSchema,
} from "../../src/config/schema/experiment.js";
import { planTrials } from "../../src/config/trials.js";
import type { EvaluatedEvent, EventPayload, JournalEvent } from "../../src/journal/events.js";
import type { ReportInput, SampleText } from "../../src/report/report-data.js";
import { conditionalValueAtRisk, valueAtRisk } from "../../src/risk/tail.js";
import { confidence95, mean, sd } from "../../src/stats/intervals.js";
import { generator, type Random, streamSeed } from "../../src/stats/random.js";
import { familyMember } from "../../src/text/metric-words.js";

/** How far an arm gets: reward everywhere, reward on hard prompts, KL, and the kept fraction at the end. */
interface Character {
  readonly stage: "sft" | "rl";
  readonly measure: "mean" | "cvar";
  readonly strategy: "uniform" | "stratified";
  readonly gain: number;
  readonly hardGain: number;
  readonly kl: number;
  readonly kept: number;
}

const plain = { measure: "mean", strategy: "uniform" } as const;

const characters: Readonly<Record<string, Character>> = {
  sft: { ...plain, stage: "sft", gain: 0, hardGain: 0, kl: 0, kept: 1 },
  rlhf: { ...plain, stage: "rl", gain: 1.7, hardGain: 0.5, kl: 5, kept: 1 },
  "rlhf-kl": { ...plain, stage: "rl", gain: 2.3, hardGain: 1.6, kl: 11, kept: 1 },
  "ra-rlhf": { ...plain, stage: "rl", measure: "cvar", gain: 1.8, hardGain: 0.9, kl: 8, kept: 0.4 },
  "ra-rlhf-hard": {
    ...plain,
    stage: "rl",
    strategy: "stratified",
    gain: 2.2,
    hardGain: 2.1,
    kl: 9,
    kept: 1,
  },
};

export interface FixtureOptions {
  readonly arms?: readonly string[];
  readonly seeds?: readonly number[];
  readonly iterations?: number;
  readonly prompts?: number;
  /** Two reward components, `polite` and `on-topic`, and a second judge, `toxicity`. */
  readonly several?: boolean;
}

const batch = 64;
const epochs = 4;

export function fixtureExperiment(options: FixtureOptions = {}): Experiment {
  const { arms: _names, ...file } = experimentSchema.parse({
    name: "quickstart",
    seeds: [...(options.seeds ?? [0])],
    training: { iterations: options.iterations ?? 60, batch },
    evaluation: { prompts: options.prompts ?? 400, every: 10 },
  });
  const arms = Object.fromEntries(
    (options.arms ?? Object.keys(characters)).map((arm): [string, ArmConfig] => {
      const { reward, rollout, training, risk, sampling, kl, decoding } = file;
      const { stage, measure, strategy } = characters[arm]!;
      return [
        arm,
        {
          ...{ stage, reward, rollout, training, kl, decoding },
          risk: { ...risk, measure },
          sampling: { ...sampling, strategy },
        },
      ];
    }),
  );
  const { evaluation } = resolvedEvaluation(file.evaluation, arms);
  return { ...file, evaluation, arms, sweep: { ...file.sweep, points: [] } };
}

/** A whole finished run. */
export function fixtureRun(options: FixtureOptions = {}): ReportInput {
  const experiment = fixtureExperiment(options);
  const events = new Journal();
  const arms = Object.keys(experiment.arms);
  const trials = experiment.seeds.flatMap((seed) => arms.map((arm) => `${arm}-s${seed}`));
  events.add(null, { type: "run_started", name: experiment.name, trials, parallel: 2 });
  const frontier: Record<string, FrontierPoint[]> = {};
  const samples: SampleText[] = [];
  for (const seed of experiment.seeds) {
    for (const arm of arms) {
      addTrial(events, experiment, arm, seed, frontier, samples, options.several === true);
    }
  }
  events.add(null, { type: "run_finished", outcome: "done", message: "", seconds: 431 });
  return {
    run: {
      id: "quickstart-1a2b3c4d",
      started: "2026-11-23T10:00:00.000Z",
      experiment,
      command: "averse run configs/experiments/quickstart.yaml",
      git: { commit: "0123456789abcdef0123456789abcdef01234567", dirty: false },
      hardware: { processor: "x86_64", cores: 2, memory_gib: 8 },
      versions: { averse: "0.1.0", node: "20.20.2", python: "3.11.7", torch: "2.9.0" },
    },
    evaluation: evaluate(experiment, events.all, frontier),
    events: events.all,
    samples,
  };
}

class Journal {
  readonly all: JournalEvent[] = [];
  add(trial: string | null, eventPayload: EventPayload): JournalEvent {
    const seq = this.all.length + 1;
    const time = new Date(Date.UTC(2026, 10, 23, 10, 0, seq)).toISOString();
    const event = { seq, time, trial, ...eventPayload } as JournalEvent;
    this.all.push(event);
    return event;
  }
}

function addTrial(
  journal: Journal,
  experiment: Experiment,
  arm: string,
  seed: number,
  frontier: Record<string, FrontierPoint[]>,
  samples: SampleText[],
  several: boolean,
): void {
  const character = characters[arm]!;
  const trial = `${arm}-s${seed}`;
  const iterations = character.stage === "rl" ? experiment.training.iterations : 0;
  journal.add(trial, { type: "trial_started", arm, seed, stage: character.stage, iterations });
  journal.add(trial, {
    type: "worker_ready",
    pid: 4000 + journal.all.length,
    engine: "torch",
    device: "cpu",
    device_name: "x86_64",
    dtype: "float32",
    threads: 1,
    processes: 1,
    strategy: null,
    parameters: 1_330_000,
    versions: { python: "3.11.7", torch: "2.9.0", transformers: "5.0.0" },
    nondeterminism: [],
    lacks: [],
    model_settings: {},
    digests: { policy: { "model.safetensors": "a".repeat(64) } },
    prompts: { train: 400, test: 100, overlap: 0 },
    rows: null,
    template: null,
    reward_preview: null,
    prompt_scores: {},
    memory_bytes: 700_000_000,
    gpu: null,
    seconds: 6.2,
  });
  if (character.stage === "sft") {
    const curve = [20, 40, 60].map((step) => ({
      step,
      loss: 4.1 - step / 120,
      held_out: step === 40 ? null : 4.2 - step / 120,
      learning_rate: 3e-4 * (1 - step / 60),
    }));
    const figures = { steps: 60, kept_step: 60, loss_first: 4.1, loss_last: 3.6, seconds: 31 };
    journal.add(trial, { type: "sft_finished", artifact: null, ...figures, curve });
  }
  const random = generator(streamSeed(seed, arm, 0));
  const offset = 0.15 * normal(random);
  let compute = 0;
  const look = (step: number, final: boolean): void => {
    const progress = iterations === 0 ? 0 : step / iterations;
    const whole = evaluated(experiment, character, seed, progress, offset, step, final, compute);
    const event = several ? ofSeveral(whole, experiment) : whole;
    journal.add(trial, event);
    if (character.stage === "rl") {
      frontier[arm] ??= [];
      frontier[arm].push(frontierPoint(event, seed));
    }
    if (final) {
      samples.push(...texts(trial, event));
    }
  };
  if (iterations > 0) {
    look(0, false);
  }
  for (let step = 0; step < iterations; step += 1) {
    const eventPayload = stepEvent(experiment, character, random, step, iterations, compute);
    compute = eventPayload.compute;
    journal.add(trial, several ? stepOfSeveral(eventPayload) : eventPayload);
    if ((step + 1) % experiment.evaluation.every === 0 && step + 1 < iterations) {
      look(step + 1, false);
    }
  }
  look(iterations, true);
  const files = { "model.safetensors": "b".repeat(64) };
  journal.add(trial, { type: "model_exported", path: `trials/${trial}/model`, files, bytes: 3e6 });
  journal.add(trial, { type: "trial_finished", seconds: 40 + iterations * (1 + character.kept) });
}

type StepPayload = Extract<EventPayload, { type: "step" }>;

function stepEvent(
  experiment: Experiment,
  character: Character,
  random: Random,
  step: number,
  iterations: number,
  computeBefore: number,
): StepPayload {
  const progress = step / iterations;
  const alpha = Math.max(character.kept, 1 - (1 - character.kept) * 1.3 * progress);
  const kept = Math.ceil(batch * alpha);
  const beta = 0.2 * (1 - 0.05 * progress);
  const scores = Array.from({ length: batch }, () => promptScore(random));
  const kl = scores.map(() => Math.max(0, character.kl * learnt(progress) + normal(random)));
  const reward = scores.map((score) => rewardOf(character, score, progress, random));
  const returns = reward.map((value, at) => value - beta * kl[at]!);
  const order = returns.map((_, at) => at).sort((a, b) => returns[a]! - returns[b]!);
  const weight = returns.map(() => 0);
  for (const at of order.slice(0, kept)) {
    weight[at] = 1;
  }
  const keptReturns = order.slice(0, kept).map((at) => returns[at]!);
  const target = experiment.risk.alpha;
  const update = 0.3 + (3 * kept) / batch;
  return {
    type: "step",
    step,
    alpha,
    kept,
    batch,
    failed: 0,
    reward_mean: mean(reward),
    return_mean: mean(returns),
    cvar: conditionalValueAtRisk(returns, target),
    var: valueAtRisk(returns, target),
    tail_mean: mean(keptReturns),
    kl_mean: mean(kl),
    kl_controlled: mean(kl),
    beta,
    entropy: 4.6 - 0.9 * learnt(progress) + 0.03 * normal(random),
    loss_policy: -0.02,
    loss_value: 0.4,
    clip_fraction: 0.08,
    approx_kl: 0.01,
    grad_norm: 0.7,
    explained_variance: 0.4,
    figures: {},
    learning_rate: 1e-4,
    batch_fraction: 0.08,
    length_mean: 46.5,
    compute: computeBefore + kept * 46 * epochs,
    memory_bytes: 800_000_000,
    gpu: null,
    seconds: {
      total: 1.4 + update,
      rollout: 1.3,
      sample: 0.9,
      reference: 0.35,
      reward: 0.05,
      update,
      texts: 0,
      controller: 0.004,
    },
    episodes_per_s: batch / (1.4 + update),
    episodes: {
      prompt: scores.map((_, at) => (step * batch + at) % 4000),
      reward,
      kl,
      return: returns,
      length: scores.map(() => 46),
      weight,
    },
  };
}

/** What two components of weight 1 gave, of which the reward is the sum. */
function split(reward: readonly (number | null)[]): Record<string, (number | null)[]> {
  const part = (share: number, offset: number): (number | null)[] =>
    reward.map((one) => one && share * one + offset);
  return { polite: part(0.6, 0.5), "on-topic": part(0.4, -0.5) };
}

function stepOfSeveral(event: StepPayload): StepPayload {
  const episodes = event.episodes as Extract<StepPayload["episodes"], { weight: number[] }>;
  const components = split(episodes.reward);
  const means = Object.entries(components).map(([name, scores]) => [
    name,
    { mean: mean(scores as number[]), failed: 0 },
  ]);
  return {
    ...event,
    episodes: { components, ...episodes },
    components: Object.fromEntries(means),
  };
}

type EvaluatedPayload = Extract<EventPayload, { type: "evaluated" }>;

function ofSeveral(event: EvaluatedPayload, { evaluation }: Experiment): EvaluatedPayload {
  const { arrays, metrics } = event;
  const components = split(arrays.reward);
  const judges = { toxicity: arrays.reward.map((one) => one && -0.2 * one) };
  const measured = metricsOf(
    {
      promptScores: arrays.prompt_score as number[],
      rewards: arrays.reward as number[],
      harm: arrays.reward as number[],
      judge: arrays.judge as number[],
      components: components as Record<string, number[]>,
      judges: judges as Record<string, number[]>,
      kl: arrays.kl as number[],
      lengths: arrays.length,
      dist: [0, 0, 0],
      perplexity: null,
    },
    { harmThreshold: -2, harmComponent: null, tailQuantile: evaluation.tail_fraction },
  );
  return {
    ...event,
    arrays: { components, judges, ...arrays },
    metrics: {
      ...Object.fromEntries(Object.entries(measured).filter(([name]) => familyMember(name))),
      ...metrics,
    },
  };
}

function evaluated(
  experiment: Experiment,
  character: Character,
  seed: number,
  progress: number,
  offset: number,
  step: number,
  final: boolean,
  compute: number,
): Extract<EventPayload, { type: "evaluated" }> {
  const count = experiment.evaluation.prompts;
  const prompts = generator(streamSeed(7, "test-prompts", 0));
  const noise = generator(streamSeed(seed, "evaluate", 0));
  const scores = Array.from({ length: count }, () => promptScore(prompts));
  const lift = offset * learnt(progress);
  const reward = scores.map((score) => lift + rewardOf(character, score, progress, noise));
  const hardest = scores.map((_, at) => at).sort((a, b) => scores[a]! - scores[b]!);
  const tail = hardest.slice(0, Math.ceil(count * experiment.evaluation.tail_fraction));
  const kl = character.kl * learnt(progress);
  return {
    type: "evaluated",
    step,
    final,
    weights: "ema",
    compute,
    failed: 0,
    metrics: {
      reward_mean: mean(reward),
      tail_reward: mean(tail.map((at) => reward[at]!)),
      "cvar_0.1": conditionalValueAtRisk(reward, 0.1),
      harm_rate: reward.filter((value) => value < -2).length / count,
      perplexity: 41 + 0.8 * kl,
      dist_1: 0.31 - 0.006 * kl,
      dist_2: 0.83 - 0.012 * kl,
      dist_3: 0.95 - 0.01 * kl,
      length_mean: 46.5 + 0.1 * kl,
      judge_reward: 0.7 * mean(reward),
      judge_tail: 0.6 * mean(tail.map((at) => reward[at]!)),
      kl_mean: kl,
    },
    arrays: {
      prompt: scores.map((_, at) => at),
      prompt_score: scores,
      reward,
      judge: reward.map((value) => 0.7 * value),
      kl: reward.map(() => kl),
      length: reward.map(() => 46),
    },
    samples: final ? "samples.jsonl" : null,
    memory_bytes: 820_000_000,
    gpu: null,
    seconds: 4.2,
  };
}

function frontierPoint(
  event: Pick<EvaluatedEvent, "step" | "compute" | "metrics">,
  seed: number,
): FrontierPoint {
  const figure = (name: string): number => event.metrics[name]!;
  return {
    seed,
    step: event.step,
    kl: figure("kl_mean"),
    compute: event.compute,
    tail_reward: figure("tail_reward"),
    reward_mean: figure("reward_mean"),
    "cvar_0.1": figure("cvar_0.1"),
    dist_2: figure("dist_2"),
    harm_rate: figure("harm_rate"),
  };
}

function evaluate(
  experiment: Experiment,
  events: readonly JournalEvent[],
  frontier: Record<string, FrontierPoint[]>,
): Evaluation {
  const finals = events.filter((event) => event.type === "evaluated").filter(({ final }) => final);
  const perSeed = (arm: string, metric: string): number[] =>
    experiment.seeds.map((seed) => {
      if (metric === "seconds") {
        const done = events.find(
          (e) => e.type === "trial_finished" && e.trial === `${arm}-s${seed}`,
        );
        return done?.type === "trial_finished" ? done.seconds : 0;
      }
      const trial = `${arm}-s${seed}`;
      const own = finals.find((event) => event.trial === trial)!.metrics[metric];
      return own ?? costs.get(trial)![metric] ?? 0;
    });
  const costs = new Map(
    finals.map((event) => [event.trial, costFigures(event, experiment.evaluation.tail_fraction)]),
  );
  const metrics = [
    ...Object.keys(finals[0]!.metrics),
    ...new Set([...costs.values()].flatMap((figures) => Object.keys(figures))),
    "seconds",
  ];
  const arms = Object.fromEntries(
    Object.keys(experiment.arms).map((arm) => [
      arm,
      {
        seeds: [...experiment.seeds],
        certificates: null,
        metrics: Object.fromEntries(
          metrics.map((metric) => {
            const values = perSeed(arm, metric);
            const figures = { mean: mean(values), sd: sd(values), ci95: confidence95(values) };
            return [metric, { ...figures, per_seed: values }];
          }),
        ),
      },
    ]),
  );
  const compare = (
    a: string,
    b: string,
    at: Comparison["at"],
    where: number | null,
  ): Comparison => {
    const test = seedDifference(perSeed(a, "tail_reward"), perSeed(b, "tail_reward"));
    return {
      a,
      b,
      metric: "tail_reward",
      at,
      where,
      ...test,
      p_holm: test.p,
      seeds: experiment.seeds.length,
      ci95_prompts: at === "equal-iterations" ? [0.11, 0.42] : null,
      ci95_hierarchical: null,
      probability_of_improvement: null,
    };
  };
  const against = Object.keys(arms).filter((arm) => arm.startsWith("ra-"));
  const found = {
    arms,
    frontier,
    comparisons: against.flatMap((arm) =>
      ["rlhf", "rlhf-kl"]
        .filter((other) => other in arms)
        .flatMap((other) => [
          compare(arm, other, "equal-iterations", null),
          compare(arm, other, "equal-compute", 700_000),
          compare(arm, other, "equal-kl", 4.5),
        ]),
    ),
  };
  const figures = events.reduce<RunFigures>(withEvent, new Map());
  return {
    ...found,
    conclusion: conclusion(experiment, planTrials(experiment), figures, found),
  };
}

function texts(trial: string, event: Pick<EvaluatedEvent, "arrays">): SampleText[] {
  return [0, 1, 2].map((at) => ({
    trial,
    prompt: at,
    text: "I went in with low hopes, and",
    completion: ` the <b>acting</b> was dreadful\u001b[31m & "cheap".`,
    reward: event.arrays.reward[at]!,
  }));
}

/** Share of what can be learnt that is learnt after this fraction of the iterations. */
function learnt(progress: number): number {
  return 1 - Math.exp(-3 * progress);
}

/** Nine prompts in ten are mild; one comes from someone who is furious. */
function promptScore(random: Random): number {
  return random() < 0.09 ? -3.6 + 0.7 * normal(random) : 0.6 + 1.1 * normal(random);
}

function rewardOf(character: Character, score: number, progress: number, random: Random): number {
  const hardness = 1 / (1 + Math.exp(2 * (score + 1.5)));
  const { gain, hardGain } = character;
  const lift = learnt(progress) * (gain * (1 - 0.6 * hardness) + hardGain * hardness);
  return 0.75 * score + lift + 0.9 * normal(random);
}

/** Box–Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
