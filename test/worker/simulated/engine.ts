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
  ErrorKind,
  GpuState,
  Payload,
  Result,
  RewardFailure,
} from "../../../src/protocol/messages.js";
import { streamSeed } from "../../../src/stats/random.js";
import { WorkerFailure } from "../../../src/worker/contract.js";
import {
  type Episodes,
  learned,
  makePrompts,
  type Policy,
  type Prompts,
  type Sampling,
  sampleEpisodes,
  UNTRAINED,
} from "./world.js";

/** A transformer's learning rates (1e-5) move the policy visibly. */
const SPEED = 1500;
const MEMORY_BYTES = 64 * 2 ** 20;
const SECONDS_A_TOKEN = 1e-5;

interface State {
  readonly policy: Policy;
  readonly reference: Policy;
  readonly average: Policy;
  readonly rollouts: number;
}

const START: State = {
  policy: UNTRAINED,
  reference: UNTRAINED,
  average: UNTRAINED,
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
    readonly failed: ReadonlySet<number>;
  } | null = null;
  readonly #failing: ReadonlyMap<number, RewardFailure["kind"]>;
  readonly #gpu: GpuState | null;

  /**
   * @param failing prompt ids whose completions get no reward
   * @param gpu what it reports of its GPU; null: it has none
   */
  constructor(
    seed: number,
    trainPrompts: number,
    testPrompts: number,
    failing: ReadonlyMap<number, RewardFailure["kind"]>,
    gpu: GpuState | null,
  ) {
    this.#failing = failing;
    this.#gpu = gpu;
    this.#train = makePrompts(streamSeed(seed, "train", 0), 0, trainPrompts);
    this.#test = makePrompts(streamSeed(seed, "test", 0), trainPrompts, testPrompts);
  }

  load(payload: Payload<"load">): Result<"load"> {
    this.#loaded = payload;
    this.#state = START;
    this.#last = null;
    const promptSet = ({ ids, scores }: Prompts) => ({
      ids: uint32Bytes(ids),
      scores: float32Bytes(scores),
    });
    const digest = { simulated: "0".repeat(64) };
    return {
      device: "cpu",
      device_name: "simulated",
      dtype: payload.backend.dtype,
      threads: payload.backend.threads || 1,
      parameters: 1,
      context: 1024,
      train: promptSet(this.#train),
      test: promptSet(this.#test),
      versions: { simulated: "1" },
      nondeterminism: [],
      digests: {
        policy: digest,
        reference: digest,
        reward: digest,
        judge: payload.judge === null ? {} : digest,
        data: digest,
      },
      memory_bytes: MEMORY_BYTES,
      gpu: this.#gpu,
      seconds: 0,
    };
  }

  /** A good start that becomes the reference, too. */
  sft({ steps, learning_rate }: Payload<"sft">): Result<"sft"> {
    const before = this.#state.policy - SFT_POLICY;
    const after = before * (1 - Math.min(300 * learning_rate, 0.5)) ** steps;
    const policy = SFT_POLICY + after;
    const reference = this.#loaded?.reference === null ? policy : this.#state.reference;
    this.#state = { ...this.#state, policy, reference, average: policy };
    this.#last = null;
    return {
      steps,
      loss_first: 3 + before ** 2,
      loss_last: 3 + after ** 2,
      texts: this.#train.ids.length,
      seconds: steps * SECONDS_A_TOKEN,
    };
  }

  rollout({ prompts, seed, kl_coefficient }: Payload<"rollout">): Result<"rollout"> {
    const positions = positionsIn("rollout", this.#train, prompts);
    const episodes = sampleEpisodes(this.#train, positions, seed, this.#sampling("current"));
    const returns = episodes.reward.map((reward, i) => reward - kl_coefficient * episodes.kl[i]!);
    const { failures, failed } = this.#failuresOf(this.#train, positions);
    this.#last = { positions, episodes, returns, failed };
    this.#state = { ...this.#state, rollouts: this.#state.rollouts + 1 };
    const tokens = sum(episodes.length);
    return {
      rollout: this.#state.rollouts,
      reward: float32Bytes(episodes.reward, failed),
      kl: float32Bytes(episodes.kl),
      return: float32Bytes(returns, failed),
      // A critic would take off some of the noise; half of it stands for that.
      lambda_return: float32Bytes(
        returns.map((one, i) => (one + episodes.judge[i]!) / 2),
        failed,
      ),
      length: uint32Bytes(episodes.length),
      failures,
      entropy: 0.5 * Math.log(2 * Math.PI * Math.E * this.#temperature ** 2),
      tokens,
      seconds: {
        sample: tokens * SECONDS_A_TOKEN,
        reference: (tokens * SECONDS_A_TOKEN) / 2,
        reward: 0,
      },
    };
  }

  update(payload: Payload<"update">): Result<"update"> {
    const { episodes, returns, failed } = this.#held("update", payload.rollout);
    const weights = float32Array(payload.weights);
    checkWeights(weights, returns.length, failed);
    const { epochs, minibatch, learning_rate, average_decay } = this.#loaded!.training;
    const rate = SPEED * epochs * learning_rate * payload.learning_rate_factor;
    const { policy, gradientNorm } = learned(this.#state.policy, episodes, returns, weights, rate);
    const average = average_decay * this.#state.average + (1 - average_decay) * policy;
    this.#state = { ...this.#state, policy, average };
    const kept = weights.filter((weight) => weight > 0).length;
    const tokens = epochs * sum(episodes.length.filter((_, i) => weights[i]! > 0));
    return {
      loss_policy: -gradientNorm,
      loss_value: 1 / (1 + this.#state.rollouts),
      entropy: 0.5 * Math.log(2 * Math.PI * Math.E * this.#temperature ** 2),
      clip_fraction: Math.min(1, gradientNorm * rate),
      approx_kl: (gradientNorm * rate) ** 2 / 2,
      grad_norm: gradientNorm,
      explained_variance: 1 - 1 / (1 + this.#state.rollouts),
      gradient_steps: epochs * Math.ceil(kept / minibatch),
      episodes: kept,
      tokens,
      memory_bytes: MEMORY_BYTES,
      gpu: this.#gpu,
      seconds: 2 * tokens * SECONDS_A_TOKEN,
    };
  }

  texts({ rollout, episodes: asked }: Payload<"texts">): Result<"texts"> {
    const { positions, episodes } = this.#held("texts", rollout);
    const texts = Array.from(uint32Array(asked), (episode) => {
      if (episode >= positions.length) {
        fail("texts", "input", `there is no episode ${episode} among ${positions.length}`);
      }
      return {
        episode,
        prompt: `simulated prompt ${this.#train.ids[positions[episode]!]}`,
        completion: `simulated completion of ${episodes.length[episode]} tokens`,
      };
    });
    return { texts };
  }

  evaluate(payload: Payload<"evaluate">): Result<"evaluate"> {
    const prompts = payload.split === "train" ? this.#train : this.#test;
    const positions = positionsIn("evaluate", prompts, payload.prompts);
    const sampling = this.#sampling(payload.weights);
    const { reward, judge, kl, length } = sampleEpisodes(
      prompts,
      positions,
      streamSeed(payload.seed, "evaluate", 0),
      sampling,
    );
    const { policy, reference } = sampling;
    const drift = (policy - reference) ** 2;
    const { failures, failed } = this.#failuresOf(prompts, positions);
    const distinct = (n: number) => (1 - 0.6 ** n) * Math.exp(-0.05 * drift);
    return {
      reward: float32Bytes(reward, failed),
      judge: this.#loaded!.judge === null ? null : float32Bytes(judge),
      kl: float32Bytes(kl),
      length: uint32Bytes(length),
      failures,
      judge_failures: [],
      dist_1: distinct(1),
      dist_2: distinct(2),
      dist_3: distinct(3),
      perplexity: payload.perplexity ? 40 * Math.exp(Math.min(0.05 * drift, 10)) : null,
      samples: spread(prompts, positions, payload.samples).map((i) => ({
        prompt: prompts.ids[positions[i]!]!,
        text: `simulated prompt ${prompts.ids[positions[i]!]}`,
        completion: `simulated completion of ${length[i]} tokens`,
        reward: failed.has(i) ? null : reward[i]!,
      })),
      memory_bytes: MEMORY_BYTES,
      gpu: this.#gpu,
      seconds: sum(length) * SECONDS_A_TOKEN,
    };
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

  #failuresOf(
    { ids }: Prompts,
    positions: Uint32Array,
  ): { readonly failures: RewardFailure[]; readonly failed: ReadonlySet<number> } {
    const episodes = new Map<RewardFailure["kind"], number[]>();
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

  #sampling(weights: "current" | "average"): Sampling {
    const { rollout, training } = this.#loaded!;
    if (weights === "average" && training.average_decay === 0) {
      const text = "there is no average of the weights: training.average_decay is 0";
      fail("evaluate", "input", text, "training.average_decay");
    }
    return {
      policy: weights === "average" ? this.#state.average : this.#state.policy,
      reference: this.#state.reference,
      temperature: rollout.temperature,
      minTokens: Math.max(rollout.min_new_tokens, 1),
      maxTokens: rollout.new_tokens,
    };
  }
}

function checkWeights(weights: Float32Array, episodes: number, failed: ReadonlySet<number>): void {
  if (weights.length !== episodes) {
    fail("update", "input", `the update has ${weights.length} weights for ${episodes} episodes`);
  }
  const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (wrong >= 0) {
    fail("update", "input", `weight ${wrong} is ${weights[wrong]}, expected a finite number ≥ 0`);
  }
  const lost = weights.findIndex((weight, episode) => weight > 0 && failed.has(episode));
  if (lost >= 0) {
    fail("update", "input", `weight ${lost} is ${weights[lost]}, but that episode has no reward`);
  }
  if (!weights.some((weight) => weight > 0)) {
    fail("update", "input", "all weights of the update are 0: there is nothing to learn from");
  }
}

/** Ids count up from the split's first: a position is a difference. */
function positionsIn(command: Command, { ids }: Prompts, asked: Uint8Array): Uint32Array {
  const first = ids[0] ?? 0;
  const wanted = uint32Array(asked);
  const missing = wanted.find((id) => id < first || id >= first + ids.length);
  if (wanted.length === 0 || missing !== undefined) {
    const text =
      missing === undefined ? "no prompts were asked for" : `prompt ${missing} is not in the set`;
    fail(command, "input", `${text}; use the ids that \`load\` answered`);
  }
  return wanted.map((id) => id - first);
}

/** `count` of the episodes, evenly spread over prompt score. */
function spread({ scores }: Prompts, positions: Uint32Array, count: number): number[] {
  const byScore = [...positions.keys()].sort(
    (a, b) => scores[positions[a]!]! - scores[positions[b]!]!,
  );
  const shown = Math.min(count, byScore.length);
  return Array.from(
    { length: shown },
    (_, i) => byScore[Math.round((i * (byScore.length - 1)) / Math.max(shown - 1, 1))]!,
  );
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
  command: "save" | "export",
  folder: string,
  file: string,
  content: object,
): { files: Record<string, string>; bytes: number } {
  if (!existsSync(folder) || readdirSync(folder).length > 0) {
    const text = `'${folder}' is not an existing, empty folder; make one and ask again`;
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
