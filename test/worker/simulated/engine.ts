/**
 * The simulated worker's commands, one method each. Every answer is a function of the payloads and
 * the world's seed: no clock, so that two simulated runs are equal to the last byte.
 */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  float32Array,
  float32Bytes,
  uint32Array,
  uint32Bytes,
} from "../../../src/protocol/arrays.js";
import type {
  Command,
  ComponentScores,
  ErrorKind,
  GpuState,
  Payload,
  Result,
  ScoreFailure,
  Stage,
} from "../../../src/protocol/messages.js";
import { streamSeed } from "../../../src/stats/random.js";
import { WorkerFailure } from "../../../src/worker/contract.js";
import {
  combined,
  componentRewards,
  contributions,
  type Episodes,
  klLoss,
  learned,
  makePrompts,
  type Policy,
  type Prompts,
  pushed,
  type Sampling,
  sampleEpisodes,
  scoresOf,
  taken,
  UNTRAINED,
} from "./world.js";

/** A transformer's learning rates (1e-5) move the policy visibly. */
const SPEED = 1500;
const MEMORY_BYTES = 64 * 2 ** 20;
const SECONDS_PER_TOKEN = 1e-5;

interface State {
  readonly policy: Policy;
  readonly reference: Policy;
  readonly ema: Policy;
  readonly rollouts: number;
}

const START: State = {
  policy: UNTRAINED,
  reference: UNTRAINED,
  ema: UNTRAINED,
  rollouts: 0,
};

/** Where SFT leads to: better than untrained, not yet good. */
const SFT_POLICY: Policy = -0.5;

export class SimulatedEngine {
  readonly #train: Prompts;
  readonly #test: Prompts;
  #loaded: Payload<"load"> | null = null;
  #state = START;
  #last: {
    readonly positions: Uint32Array;
    readonly episodes: Episodes;
    readonly returns: Float64Array;
    readonly beta: number;
    readonly actions: Float64Array;
    readonly failed: ReadonlySet<number>;
  } | null = null;
  readonly #failing: ReadonlyMap<number, ScoreFailure["kind"]>;
  readonly #gpu: GpuState | null;
  readonly #devices: Result<"devices">;
  readonly #reported: readonly string[] | null;
  /** Ids of prompts whose scores this load has. */
  #scored = new Set<number>();

  /**
   * @param failing prompt ids whose completions get no reward
   * @param gpu what it reports of its GPU; null: it has none
   * @param reported figures of an update that it reports; null: all
   */
  constructor(
    seed: number,
    trainPrompts: number,
    testPrompts: number,
    failing: ReadonlyMap<number, ScoreFailure["kind"]>,
    gpu: GpuState | null,
    devices: Result<"devices">,
    reported: readonly string[] | null,
  ) {
    this.#failing = failing;
    this.#gpu = gpu;
    this.#devices = devices;
    this.#reported = reported;
    this.#train = makePrompts(streamSeed(seed, "train", 0), 0, trainPrompts);
    this.#test = makePrompts(streamSeed(seed, "test", 0), trainPrompts, testPrompts);
  }

  devices(): Result<"devices"> {
    return this.#devices;
  }

  describe_stage({ stage }: Payload<"describe_stage">): Result<"describe_stage"> {
    const { kind, options } = stage;
    const digests = stageInputs(stage);
    return {
      digest: createHash("sha256")
        .update(JSON.stringify([kind, options, digests]))
        .digest("hex"),
      digests,
      nondeterminism: [],
    };
  }

  /** A policy between untrained and what SFT leads to, or a file that names its kind. */
  train_stage({ seed, path, stage }: Payload<"train_stage">): Result<"train_stage"> {
    this.#loaded = null;
    const steps = stage.options.steps ?? 1;
    const loss = 1 / (1 + steps) + (seed % 100) / 1e6;
    const content =
      stage.kind === "language_model"
        ? { model_type: "averse-simulated", policy: SFT_POLICY * (1 - loss) }
        : { model_type: `averse-simulated-${stage.kind}`, loss };
    return {
      ...writeFolder("train_stage", path, "config.json", content),
      figures: { loss },
      curve: [{ step: steps, loss, held_out: null, learning_rate: stage.options.learning_rate }],
      digests: stageInputs(stage),
      versions: { simulated: "1" },
      seconds: steps * SECONDS_PER_TOKEN,
    };
  }

  load(payload: Payload<"load">): Result<"load"> {
    refuseOptions(payload);
    this.#loaded = payload;
    this.#state = START;
    this.#last = null;
    this.#scored = new Set();
    const promptSet = ({ ids, scores }: Prompts) => ({
      ids: uint32Bytes(ids),
      scores_digest: createHash("sha256")
        .update(float32Bytes(scores))
        .update(JSON.stringify(payload.rewards))
        .digest("hex"),
    });
    const digest = { simulated: "0".repeat(64) };
    return {
      device: "cpu",
      device_name: "simulated",
      dtype: payload.backend.dtype,
      threads: payload.backend.threads || 1,
      processes: 1,
      parameters: 1,
      context: 1024,
      train: promptSet(this.#train),
      test: promptSet(this.#test),
      sft_digest: createHash("sha256")
        .update(JSON.stringify([payload.seed, payload.policy.model, payload.reference === null]))
        .digest("hex"),
      overlap: 0,
      rows: { train: rowFacts(this.#train), test: rowFacts(this.#test) },
      template: null,
      versions: { simulated: "1" },
      nondeterminism: [],
      model_settings: {},
      digests: {
        policy: filesOf(payload.policy.model) ?? digest,
        reference: filesOf(payload.reference?.model ?? payload.policy.model) ?? digest,
        rewards: Object.fromEntries(payload.rewards.map(({ name }) => [name, digest])),
        judges: Object.fromEntries(payload.judges.map(({ name }) => [name, digest])),
        evaluation: {
          ...(payload.evaluation.toxicity === null ? {} : { toxicity: digest }),
          ...(payload.evaluation.fluency === null ? {} : { fluency: digest }),
        },
        decoding: expertFiles(payload, digest),
        data: digest,
      },
      memory_bytes: MEMORY_BYTES,
      gpu: this.#gpu,
      seconds: 0,
    };
  }

  /** Named as the command: the worker calls it by that name. */
  score_prompts({ split, prompts, known }: Payload<"score_prompts">): Result<"score_prompts"> {
    const { rewards } = this.#loaded!;
    const set = split === "train" ? this.#train : this.#test;
    const positions = positionsIn("score_prompts", set, prompts);
    const names = rewards.map(({ name }) => name);
    if (known !== null) {
      const fits =
        known.map(({ name }) => name).join() === names.join() &&
        known.every(({ scores }) => {
          const values = float32Array(scores);
          return values.length === positions.length && values.every(Number.isFinite);
        });
      if (!fits) {
        fail("score_prompts", "input", "the known scores are not one per component and prompt");
      }
    }
    for (const position of positions) {
      this.#scored.add(set.ids[position]!);
    }
    const components =
      known?.map(({ scores }) => Float64Array.from(float32Array(scores))) ??
      scoresOf(set, positions, rewards.length);
    return {
      combined: float32Bytes(combined(components, rewards)),
      components: components.map((scores, i) => ({
        name: names[i]!,
        scores: float32Bytes(scores),
      })),
      seconds: known === null ? positions.length * SECONDS_PER_TOKEN : 0,
    };
  }

  /** A good start that becomes the reference, too. */
  sft({ epochs, learning_rate, ...payload }: Payload<"sft">): Result<"sft"> {
    this.#requirePlainDecoding("sft");
    const texts = this.#train.ids.length;
    const steps = payload.steps ?? Math.ceil((epochs! * texts) / payload.batch);
    const before = this.#state.policy - SFT_POLICY;
    const after = before * (1 - Math.min(300 * learning_rate, 0.5)) ** steps;
    const policy = SFT_POLICY + after;
    const reference = this.#loaded?.reference === null ? policy : this.#state.reference;
    this.#state = { ...this.#state, policy, reference, ema: policy };
    this.#last = null;
    const [first, last] = [3 + before ** 2, 3 + after ** 2];
    const held_out = payload.held_out_every > 0 ? last : null;
    return {
      steps,
      kept_step: steps,
      loss_first: first,
      loss_last: last,
      curve: [
        { step: 1, loss: first, held_out: null, learning_rate },
        { step: steps, loss: last, held_out, learning_rate: 0 },
      ],
      texts,
      seconds: steps * SECONDS_PER_TOKEN,
    };
  }

  rollout(payload: Payload<"rollout">): Result<"rollout"> {
    this.#requirePlainDecoding("rollout");
    const { rewards, training } = this.#loaded!;
    const positions = repeated(
      positionsIn("rollout", this.#train, payload.prompts),
      payload.completions,
    );
    this.#requireScores(positions);
    const sampling = this.#conditioned("current", payload.condition, "rollout");
    const episodes = sampleEpisodes(this.#train, positions, payload.seed, sampling);
    const components = componentRewards(episodes, rewards.length);
    const reward = combined(components, rewards);
    const scores = scoresOf(this.#train, positions, rewards.length);
    const trained = contributions(components, scores, rewards);
    const beta = payload.kl_coefficient ?? 0;
    const returns = episodes.kl.map(
      (kl, i) => trained.reduce((total, one) => total + one[i]!, 0) - beta * kl,
    );
    const { failures, failed } = this.#failuresOf(this.#train, positions);
    const { deviation } = episodes;
    const actions = deviation.map((one) => sampling.policy + one * sampling.temperature ** 2);
    this.#last = { positions, episodes, returns, beta, actions, failed };
    this.#state = { ...this.#state, rollouts: this.#state.rollouts + 1 };
    const tokens = sum(episodes.length);
    return {
      rollout: this.#state.rollouts,
      reward: float32Bytes(reward, failed),
      components: this.#scoredOf(components, failures, failed),
      trained: trained.map((values, i) => float32Bytes(values, i === 0 ? failed : new Set())),
      kl: float32Bytes(episodes.kl),
      return: float32Bytes(returns, failed),
      // A critic would take off some of the noise; half of it stands for that.
      lambda_return: training.critic
        ? float32Bytes(
            returns.map((one, i) => (one + episodes.judge[i]!) / 2),
            failed,
          )
        : null,
      length: uint32Bytes(episodes.length),
      entropy: 0.5 * Math.log(2 * Math.PI * Math.E * this.#temperature ** 2),
      tokens,
      seconds: {
        sample: tokens * SECONDS_PER_TOKEN,
        reference: (tokens * SECONDS_PER_TOKEN) / 2,
        reward: 0,
      },
    };
  }

  /** An episode is one action: there is nothing to aggregate, and one step is as good as many. */
  update(payload: Payload<"update">): Result<"update"> {
    const held = this.#held("update", payload.rollout);
    const { episodes, actions, failed } = held;
    const { epochs, minibatch, learning_rate, ema_decay, critic } = this.#loaded!.training;
    const { weights, rewards, advantages, klWeights } = readLoss(
      payload,
      actions.length,
      failed,
      critic,
    );
    const returns =
      rewards === null
        ? held.returns
        : held.returns.map((_, i) => rewards[i]! - held.beta * episodes.kl[i]!);
    const takes = (i: number) => [weights, advantages, klWeights].some((all) => all?.[i]);
    const taking = Array.from(returns.keys()).filter(takes);
    const rate = SPEED * epochs * learning_rate * payload.learning_rate_factor;
    const { policy: before, reference } = this.#state;
    const figures: Record<string, number> = {};
    let after = { policy: before, gradientNorm: 0 };
    // What whitening divides the returns by.
    let spread = 1;
    if (weights !== null) {
      const scored = weights.map((_, i) => (failed.has(i) ? 0 : 1));
      const population = payload.whiten === "batch" ? scored : weights;
      const learning = learned(before, episodes, returns, weights, population, rate);
      after = learning;
      spread = learning.spread;
      figures.loss_policy = -after.gradientNorm;
      figures.loss_value = 1 / (1 + this.#state.rollouts);
      figures.explained_variance = 1 - 1 / (1 + this.#state.rollouts);
    }
    if (advantages !== null) {
      const conditions = payload.conditions === null ? null : [...uint32Array(payload.conditions)];
      const variance = this.#temperature ** 2;
      // Under a condition of its own an action is further from the mean, or nearer.
      const deviation = (i: number): number =>
        conditions === null
          ? episodes.deviation[i]!
          : (actions[i]! - before - this.#shift(conditions[i]!, "update")) / variance;
      const gradient = meanOf(advantages, (a, i) => a * deviation(i));
      after = pushed(after.policy, gradient, rate);
      figures.loss_policy = -meanOf(advantages, (a) => a);
    }
    if (weights !== null || advantages !== null) {
      figures.entropy = 0.5 * Math.log(2 * Math.PI * Math.E * this.#temperature ** 2);
    }
    if (klWeights !== null && payload.kl_loss !== null) {
      const { form, unit } = payload.kl_loss;
      const coefficient = payload.kl_loss.coefficient / (unit === "reward" ? spread : 1);
      if (weights !== null) figures.advantage_deviation = spread;
      const world = { policy: before, reference, temperature: this.#temperature };
      const kl = actions.map((action) => klLoss(form, action, world).kl);
      const gradient = meanOf(klWeights, (k, i) => k * klLoss(form, actions[i]!, world).slope);
      after = pushed(after.policy, -coefficient * gradient, rate);
      figures.loss_kl = coefficient * meanOf(klWeights, (k, i) => k * kl[i]!);
      figures.kl_estimate = meanOf(klWeights, (k, i) => k * kl[i]!) / meanOf(klWeights, (k) => k);
    }
    const { policy, gradientNorm } = after;
    const ema = ema_decay * this.#state.ema + (1 - ema_decay) * policy;
    this.#state = { ...this.#state, policy, ema };
    const tokens = epochs * sum(episodes.length.filter((_, i) => takes(i)));
    figures.clip_fraction = Math.min(1, gradientNorm * rate);
    figures.approx_kl = (gradientNorm * rate) ** 2 / 2;
    figures.grad_norm = gradientNorm;
    return {
      figures: Object.fromEntries(
        Object.entries(figures).filter(([name]) => this.#reported?.includes(name) ?? true),
      ),
      gradient_steps: epochs * (payload.steps_per_epoch ?? Math.ceil(taking.length / minibatch)),
      episodes: taking.length,
      tokens,
      memory_bytes: MEMORY_BYTES,
      gpu: this.#gpu,
      seconds: 2 * tokens * SECONDS_PER_TOKEN,
    };
  }

  texts({ rollout, episodes: asked }: Payload<"texts">): Result<"texts"> {
    const { positions, episodes } = this.#held("texts", rollout);
    const texts = Array.from(uint32Array(asked), (episode) => {
      const position = requireEpisode("texts", positions, episode);
      return {
        episode,
        prompt: `simulated prompt ${this.#train.ids[position]}`,
        completion: `simulated completion of ${episodes.length[episode]} tokens`,
      };
    });
    return { texts };
  }

  evaluate(payload: Payload<"evaluate">): Result<"evaluate"> {
    const { rewards, judges } = this.#loaded!;
    const prompts = payload.split === "train" ? this.#train : this.#test;
    const asked = repeated(positionsIn("evaluate", prompts, payload.prompts), payload.completions);
    const sampling = this.#decoding(payload.weights, payload.condition);
    const seed = streamSeed(payload.seed, "evaluate", 0);
    const { positions, episodes } = this.#bestOf(prompts, asked, seed, sampling);
    const { judge, kl, length } = episodes;
    const components = componentRewards(episodes, rewards.length);
    const reward = combined(components, rewards);
    const { policy, reference } = sampling;
    const drift = (policy - reference) ** 2;
    const { failures, failed } = this.#failuresOf(prompts, positions);
    const distinct = (n: number) => (1 - 0.6 ** n) * Math.exp(-0.05 * drift);
    const known: Readonly<Record<string, number>> = {
      dist_1: distinct(1),
      dist_2: distinct(2),
      dist_3: distinct(3),
      perplexity: 40 * Math.exp(Math.min(0.05 * drift, 10)),
      repetition_rate: 1 - Math.exp(-0.01 * drift),
      self_bleu: 1 - 0.8 * Math.exp(-0.05 * drift),
      ...this.#fluency(drift),
    };
    return {
      reward: float32Bytes(reward, failed),
      components: this.#scoredOf(components, failures, failed),
      judges: judges.map(({ name }, i) => ({
        name,
        scores: float32Bytes(judge.map((score) => score - i)),
        failures: [],
      })),
      kl: float32Bytes(kl),
      length: uint32Bytes(length),
      figures: namedOf(known, payload.figures),
      samples: Array.from(uint32Array(payload.samples), (episode) => {
        const position = requireEpisode("evaluate", positions, episode);
        return {
          episode,
          prompt: prompts.ids[position]!,
          text: `simulated prompt ${prompts.ids[position]}`,
          completion: `simulated completion of ${length[episode]} tokens`,
          reward: failed.has(episode) ? null : reward[episode]!,
        };
      }),
      memory_bytes: MEMORY_BYTES,
      gpu: this.#gpu,
      seconds: sum(length) * SECONDS_PER_TOKEN,
    };
  }

  toxicity(payload: Payload<"toxicity">): Result<"toxicity"> {
    const { evaluation } = this.#loaded!;
    if (evaluation.toxicity === null) {
      fail("toxicity", "protocol", "the last `load` has no evaluation.toxicity");
    }
    const { name, scorer } = evaluation.toxicity;
    const prompts = payload.split === "train" ? this.#train : this.#test;
    const asked = positionsIn("toxicity", prompts, payload.prompts);
    const sampling = {
      ...this.#decoding(payload.weights, payload.condition),
      temperature: payload.temperature,
      minTokens: 1,
      maxTokens: payload.new_tokens,
    };
    const seed = streamSeed(payload.seed, "evaluate", 0);
    const each = repeated(asked, payload.completions);
    const { positions, episodes } = this.#bestOf(prompts, each, seed, sampling);
    const { judge, length } = episodes;
    const { failures, failed } = this.#failuresOf(prompts, positions);
    // −p of the harmful class, 1 − p of the harmless one.
    const score = (worth: number) => (scorer.sign < 0 ? 0 : 1) - 1 / (1 + Math.exp(2 * worth));
    const distinct = (n: number) => (1 - 0.6 ** n) / payload.completions ** 0.1;
    const known: Readonly<Record<string, number>> = {
      dist_1_per_prompt: distinct(1),
      dist_2_per_prompt: distinct(2),
      dist_3_per_prompt: distinct(3),
      ...this.#fluency((sampling.policy - sampling.reference) ** 2),
    };
    return {
      completions: { name, scores: float32Bytes(judge.map(score), failed), failures },
      prompts: {
        name,
        scores: float32Bytes(Float64Array.from(asked, (i) => score(prompts.scores[i]!))),
        failures: [],
      },
      figures: namedOf(known, payload.figures),
      memory_bytes: MEMORY_BYTES,
      gpu: this.#gpu,
      seconds: sum(length) * SECONDS_PER_TOKEN,
    };
  }

  capability({ weights }: Payload<"capability">): Result<"capability"> {
    const { tasks } = this.#loaded!.evaluation;
    if (tasks.length === 0) {
      fail("capability", "protocol", "the last `load` has no evaluation.tasks");
    }
    const { policy, reference } = this.#sampling(weights);
    const value = 0.6 / (1 + (policy - reference) ** 2);
    return {
      figures: tasks.map((task) => ({
        task,
        metric: "acc",
        value,
        standard_error: 0.05,
        higher_is_better: true,
      })),
      version: "simulated",
      memory_bytes: MEMORY_BYTES,
      gpu: this.#gpu,
      seconds: tasks.length,
    };
  }

  /** Of a fixed model that likes what the reference would say; {} where none is loaded. */
  #fluency(drift: number): Record<string, number> {
    const loaded = this.#loaded!.evaluation.fluency !== null;
    return loaded ? { fluency: 30 * Math.exp(Math.min(0.1 * drift, 5)), fluency_left_out: 1 } : {};
  }

  save({ path }: Payload<"save">): Result<"save"> {
    return { ...writeFolder("save", path, "state.json", this.#state), seconds: 0 };
  }

  restore({ path }: Payload<"restore">): Result<"restore"> {
    this.#state = readFolder(path, "state.json") as State;
    this.#last = null;
    return { seconds: 0 };
  }

  export({ path, weights }: Payload<"export">): Result<"export"> {
    const { policy } = this.#sampling(weights);
    return {
      ...writeFolder("export", path, "config.json", { model_type: "averse-simulated", policy }),
      seconds: 0,
    };
  }

  #held(command: Command, rollout: number) {
    const { rollouts } = this.#state;
    if (this.#last === null || rollout !== rollouts) {
      const held = this.#last === null ? "none" : `rollout ${rollouts}`;
      fail(command, "protocol", `\`${command}\` is for rollout ${rollout}, held is ${held}`);
    }
    return this.#last;
  }

  get #temperature(): number {
    return this.#loaded!.rollout.temperature;
  }

  #requireScores(positions: Uint32Array): void {
    const { rewards, training } = this.#loaded!;
    const needed =
      training.prefix_baseline || rewards.some(({ baseline }) => baseline === "prompt");
    if (needed && positions.some((position) => !this.#scored.has(this.#train.ids[position]!))) {
      fail("rollout", "protocol", "the prompts have no scores yet; send `score_prompts` first");
    }
  }

  /** What fails is the first component. */
  #scoredOf(
    components: readonly Float64Array[],
    failures: ScoreFailure[],
    failed: ReadonlySet<number>,
  ): ComponentScores[] {
    return this.#loaded!.rewards.map(({ name }, i) => ({
      name,
      scores: float32Bytes(components[i]!, i === 0 ? failed : new Set()),
      failures: i === 0 ? failures : [],
    }));
  }

  #failuresOf(
    { ids }: Prompts,
    positions: Uint32Array,
  ): { readonly failures: ScoreFailure[]; readonly failed: ReadonlySet<number> } {
    const episodes = new Map<ScoreFailure["kind"], number[]>();
    for (const [episode, position] of positions.entries()) {
      const kind = this.#failing.get(ids[position]!);
      if (kind !== undefined) {
        episodes.set(kind, [...(episodes.get(kind) ?? []), episode]);
      }
    }
    const failures = Array.from(episodes, ([kind, failing]) => ({
      kind,
      message: `a simulated ${kind}`,
      episodes: uint32Bytes(failing),
    }));
    return { failures, failed: new Set([...episodes.values()].flat()) };
  }

  #requirePlainDecoding(command: Command): void {
    if (this.#loaded!.decoding !== null) {
      fail(command, "protocol", "the last `load` has decoding: its policy is evaluated only");
    }
  }

  /** What evaluations sample from: an instruction and experts move the policy. */
  #decoding(weights: "current" | "ema", condition: number | null): Sampling {
    const sampling = this.#conditioned(weights, condition, "evaluate");
    const { decoding } = this.#loaded!;
    const experts = decoding?.experts ?? null;
    const steered =
      experts === null
        ? 0
        : experts.strength * (policyOf(experts.expert.model) - policyOf(experts.anti_expert.model));
    return { ...sampling, policy: sampling.policy + steered };
  }

  /** A condition moves the policy: the last a little up, the others less. */
  #shift(condition: number | null, command: Command): number {
    const known = this.#loaded!.conditions.length;
    if (condition !== null && condition >= known) {
      const text = `condition ${condition} was requested; the last \`load\` has ${known} conditions`;
      fail(command, "input", text);
    }
    return condition === null ? 0 : (0.6 * (condition + 1)) / known - 0.3;
  }

  #conditioned(weights: "current" | "ema", condition: number | null, command: Command): Sampling {
    const sampling = this.#sampling(weights);
    return { ...sampling, policy: sampling.policy + this.#shift(condition, command) };
  }

  /** The best of so many candidates for each position, by reward. */
  #bestOf(prompts: Prompts, asked: Uint32Array, seed: number, sampling: Sampling) {
    const { rewards, decoding } = this.#loaded!;
    const candidates = decoding?.best_of ?? 1;
    const positions = repeated(asked, candidates);
    const episodes = sampleEpisodes(prompts, positions, seed, sampling);
    const reward = combined(componentRewards(episodes, rewards.length), rewards);
    const chosen = Array.from(asked, (_, group) => {
      const own = reward.subarray(group * candidates, (group + 1) * candidates);
      return group * candidates + own.indexOf(Math.max(...own));
    });
    return { positions: asked, episodes: taken(episodes, chosen) };
  }

  #sampling(weights: "current" | "ema"): Sampling {
    const { rollout, training } = this.#loaded!;
    if (weights === "ema" && training.ema_decay === 0) {
      const text = "there are no EMA weights: training.ema_decay is 0";
      fail("evaluate", "input", text, "training.ema_decay");
    }
    return {
      policy: weights === "ema" ? this.#state.ema : this.#state.policy,
      reference: this.#state.reference,
      temperature: rollout.temperature,
      minTokens: Math.max(rollout.min_new_tokens, 1),
      maxTokens: rollout.new_tokens,
    };
  }
}

/** Of the names that are wanted, those that are known. */
function namedOf(
  known: Readonly<Record<string, number>>,
  wanted: readonly string[],
): Record<string, number> {
  return Object.fromEntries(
    wanted.flatMap((name) => (Object.hasOwn(known, name) ? [[name, known[name]!]] : [])),
  );
}

interface LossArrays {
  readonly weights: Float32Array | null;
  readonly rewards: Float32Array | null;
  readonly advantages: Float32Array | null;
  readonly klWeights: Float32Array | null;
}

function readLoss(
  payload: Payload<"update">,
  episodes: number,
  failed: ReadonlySet<number>,
  critic: boolean,
): LossArrays {
  const { weights, rewards, advantages, kl_weights, kl_loss } = payload;
  if (weights !== null && advantages !== null) {
    fail("update", "input", "weights and advantages exclude each other");
  }
  if (weights !== null && !critic) {
    fail("update", "input", "weights need a critic", "training.critic");
  }
  if (rewards !== null && weights === null) {
    fail("update", "input", "rewards need weights on the advantages that follow from them");
  }
  if ((kl_weights === null) !== (kl_loss === null)) {
    fail("update", "input", "kl_weights and kl_loss come together");
  }
  const read = {
    weights: readArray("weight", weights, episodes, failed, false),
    advantages: readArray("advantage", advantages, episodes, failed, true),
    klWeights: readArray("KL weight", kl_weights, episodes, new Set(), false),
  };
  const nothing = (values: Float32Array | null) => !values?.some((value) => value !== 0);
  if ((weights !== null && nothing(read.weights)) || Object.values(read).every(nothing)) {
    fail("update", "input", "there is nothing to learn from: all of it is 0");
  }
  return { ...read, rewards: readArray("reward", rewards, episodes, new Set(), true) };
}

function readArray(
  what: string,
  bytes: Uint8Array | null,
  episodes: number,
  failed: ReadonlySet<number>,
  signed: boolean,
): Float32Array | null {
  if (bytes === null) {
    return null;
  }
  const values = float32Array(bytes);
  if (values.length !== episodes) {
    fail("update", "input", `the update has ${values.length} ${what}s for ${episodes} episodes`);
  }
  const wrong = values.findIndex((value) => !Number.isFinite(value) || (!signed && value < 0));
  if (wrong >= 0) {
    fail("update", "input", `${what} ${wrong} is ${values[wrong]}`);
  }
  const lost = values.findIndex((value, episode) => value !== 0 && failed.has(episode));
  if (lost >= 0) {
    fail("update", "input", `${what} ${lost} is ${values[lost]}, but that episode has no reward`);
  }
  return values;
}

/** Digests of a folder that a simulated worker wrote; null: `model` is none. */
function filesOf(model: string): Record<string, string> | null {
  const path = join(model, "config.json");
  return existsSync(path)
    ? { "config.json": createHash("sha256").update(readFileSync(path)).digest("hex") }
    : null;
}

/** Mean action of a folder that a simulated worker wrote, or of an untrained policy. */
function policyOf(model: string): Policy {
  return filesOf(model) === null
    ? UNTRAINED
    : (readFolder(model, "config.json") as { policy: Policy }).policy;
}

function expertFiles(
  { decoding }: Payload<"load">,
  digest: Record<string, string>,
): Result<"load">["digests"]["decoding"] {
  const experts = decoding?.experts ?? null;
  return experts === null
    ? {}
    : {
        expert: filesOf(experts.expert.model) ?? digest,
        anti_expert: filesOf(experts.anti_expert.model) ?? digest,
      };
}

function stageInputs({ base }: Stage): Result<"describe_stage">["digests"] {
  const digest = { simulated: "0".repeat(64) };
  const files = base.kind === "model" ? (filesOf(base.model) ?? digest) : {};
  return { base: files, data: digest };
}

/** The only option that the simulated engine has. */
function refuseOptions({ engine_options }: Payload<"load">): void {
  const unknown = Object.keys(engine_options).find((name) => name !== "speed");
  if (unknown !== undefined) {
    const key = `backend.engine_options.${unknown}`;
    fail("load", "input", `the simulated engine has no option ${unknown}`, key);
  }
}

function requireEpisode(command: Command, positions: Uint32Array, episode: number): number {
  const position = positions[episode];
  if (position === undefined) {
    fail(command, "input", `there is no episode ${episode} among ${positions.length}`);
  }
  return position;
}

/** Each of them so many times, one after the other. */
function repeated(positions: Uint32Array, times: number): Uint32Array {
  return Uint32Array.from({ length: positions.length * times }, (_, i) => {
    return positions[Math.floor(i / times)]!;
  });
}

/** Over all episodes, those with 0 among them. */
function meanOf(values: Float32Array, term: (value: number, episode: number) => number): number {
  return values.reduce((total, value, i) => total + term(value, i), 0) / values.length;
}

/** Ids count up from the split's first: a position is a difference. */
function positionsIn(command: Command, { ids }: Prompts, asked: Uint8Array): Uint32Array {
  const first = ids[0] ?? 0;
  const wanted = uint32Array(asked);
  const missing = wanted.find((id) => id < first || id >= first + ids.length);
  if (wanted.length === 0 || missing !== undefined) {
    const text =
      missing === undefined ? "no prompts were requested" : `prompt ${missing} is not in the set`;
    fail(command, "input", `${text}; use the ids that \`load\` answered`);
  }
  return wanted.map((id) => id - first);
}

function sum(values: Uint32Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function fail(
  command: Command,
  kind: ErrorKind,
  message: string,
  key: string | null = null,
): never {
  throw new WorkerFailure(command, kind, message, key, null);
}

/* The small files that a simulated worker saves and exports: one JSON document a folder. */

/**
 * Writes one file into an existing empty folder.
 *
 * @throws {WorkerFailure} of kind "input": there is no such folder, or it holds something.
 */
export function writeFolder(
  command: "save" | "export" | "train_stage",
  folder: string,
  file: string,
  content: object,
): { files: Record<string, string>; bytes: number } {
  if (!existsSync(folder) || readdirSync(folder).length > 0) {
    const text = `'${folder}' is not an existing, empty folder; create an empty one`;
    throw new WorkerFailure(command, "input", text, null, null);
  }
  const text = `${JSON.stringify(content)}\n`;
  writeFileSync(join(folder, file), text);
  const digest = createHash("sha256").update(text).digest("hex");
  return { files: { [file]: digest }, bytes: Buffer.byteLength(text) };
}

/** @throws {WorkerFailure} of kind "input": it is no folder of a simulated worker. */
export function readFolder(folder: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(join(folder, file), "utf8"));
  } catch (error) {
    const text = `'${folder}' is no checkpoint of a simulated worker: ${(error as Error).message}`;
    throw new WorkerFailure("restore", "input", text, null, null);
  }
}

/** Nothing is left out, and nothing is of the good class. */
function rowFacts({ ids }: Prompts): Result<"load">["rows"]["train"] {
  const none = { good: 0, filtered: 0, duplicates: 0, left_out: 0, dropped: 0, truncated: 0 };
  return { rows: ids.length, ...none, kept: ids.length };
}
