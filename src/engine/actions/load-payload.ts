import { namedJudges, rewardComponents } from "../../config/rewards/components.js";
import { toxicityScorer } from "../../config/rewards/toxicity.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { policySource, type Trial } from "../../config/trials.js";
import type { Payload } from "../../protocol/messages.js";
import { hasCritic } from "../../risk/algorithms.js";
import { streamSeed } from "../../stats/random.js";
import { conditionTexts } from "./conditions.js";
import { dataSourceOf } from "./data-source.js";
import { scorerOf } from "./scorer-payload.js";

/**
 * What a worker loads for a trial. An RL trial's policy is the SFT model of its seed; the
 * reference is always the policy as loaded, so that KL is 0 at the start of every trial, and an
 * engine with adapters needs no second copy of the weights.
 *
 * The seed stream depends on the trial's seed alone: arms begin with the same value head.
 *
 * @param startFrom absolute path of the model folder to start from; null: `policy.model`
 * @param device null: the configured one
 */
export function loadPayloadFor(
  experiment: Experiment,
  trial: Trial,
  startFrom: string | null,
  device: string | null,
): Payload<"load"> {
  const { policy, data, evaluation, backend } = experiment;
  const { quantize, gradient_checkpointing } = policy;
  const source = policySource(experiment, trial.config);
  // Keys of these sections are a worker's, but for those of the controller alone, named here.
  const { prompt_tokens, ...sampling } = trial.config.rollout;
  const {
    iterations,
    batch,
    algorithm,
    completions,
    scale_rewards,
    loss_aggregation,
    quantiles,
    learning_rate_schedule,
    steps,
    whiten,
    ema_decay,
    ...training
  } = trial.config.training;
  const { worker, engine_options, ...numbers } = backend;
  return {
    seed: streamSeed(trial.seed, "load", 0),
    policy: {
      ...source,
      // A model of this run is a folder, and has no other state.
      ...(startFrom === null ? {} : { model: startFrom, revision: null }),
      adapter: adapterFor(experiment, trial),
      quantize,
      gradient_checkpointing,
    },
    reference: null,
    rewards: rewardComponents(trial.config.reward).map((component) => {
      const { name, weight, transform, scale, threshold, normalize, baseline } = component;
      const shape = { transform, scale, threshold, normalize, baseline };
      return { name, weight, ...shape, scorer: scorerOf(component) };
    }),
    judges: namedJudges(evaluation.judges).map((judge) => ({
      name: judge.name,
      scorer: scorerOf(judge),
    })),
    evaluation: measuresFor(experiment, trial),
    data: {
      source: dataSourceOf(data),
      prompt_tokens,
    },
    rollout: sampling,
    conditions: conditionTexts(trial.config),
    decoding: decodingOf(trial),
    training: {
      critic: trial.stage !== "decode" && hasCritic(algorithm),
      ...training,
      // What decodes in its own way has no critic for it, and takes no step.
      prefix_baseline: trial.stage !== "decode" && training.prefix_baseline,
      ema_decay: ema_decay,
    },
    backend: { ...numbers, device: device ?? backend.device },
    engine_options,
  };
}

/** Models named `builtin`, by folder, hub id or stage: each is one text in the configuration. */
function decodingOf({ stage, config }: Trial): Payload<"load">["decoding"] {
  const { best_of, expert, anti_expert, strength, filter_p } = config.decoding;
  if (stage !== "decode") return null;
  const named = (model: string) => ({ model, revision: null, trust_remote_code: false });
  return {
    best_of,
    experts:
      expert === null || anti_expert === null
        ? null
        : { expert: named(expert), anti_expert: named(anti_expert), strength, filter_p },
  };
}

/** What the final evaluation needs beside rewards and judges; nothing where there is none. */
function measuresFor({ evaluation }: Experiment, trial: Trial): Payload<"load">["evaluation"] {
  // Of every trial, so that a task that there is not is found before the first one trains.
  const tasks = evaluation.capability?.tasks ?? [];
  if (!trial.reported) return { toxicity: null, fluency: null, tasks };
  const scorer = toxicityScorer(evaluation, trial.config)?.config ?? null;
  return {
    toxicity: scorer === null ? null : { name: scorer.name, scorer: scorerOf(scorer) },
    fluency: evaluation.fluency,
    tasks,
  };
}

/**
 * Fine-tuning may have an adapter of its own: the model that its trial exports has it merged in, and
 * the trials that start from there load that model with the policy's adapter.
 */
function adapterFor(
  { policy, sft }: Experiment,
  trial: Trial,
): Payload<"load">["policy"]["adapter"] {
  const { lora_dropout: dropout, lora_targets: targets } = policy;
  const own = trial.fineTunes && sft.lora_rank !== null;
  const rank = own ? (sft.lora_rank ?? 0) : policy.lora_rank;
  const alpha = own ? sft.lora_alpha : policy.lora_alpha;
  // The customary scale of LoRA's delta: alpha / rank = 2.
  return rank === 0 ? null : { kind: "lora", rank, alpha: alpha ?? 2 * rank, dropout, targets };
}
