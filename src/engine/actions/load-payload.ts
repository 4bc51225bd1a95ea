import type { Experiment } from "../../config/schema.js";
import type { Payload } from "../../protocol/messages.js";
import { streamSeed } from "../../stats/random.js";
import type { Trial } from "../plan.js";

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
export function loadPayload(
  experiment: Experiment,
  trial: Trial,
  startFrom: string | null,
  device: string | null,
): Payload<"load"> {
  const { policy, data, evaluation, backend } = experiment;
  const { reward, rollout, training } = trial.config;
  const { prompt_tokens, ...sampling } = rollout;
  return {
    seed: streamSeed(trial.seed, "load", 0),
    policy: { ...policy, model: startFrom ?? policy.model },
    reference: null,
    reward: {
      model: reward.model,
      label: reward.label,
      sign: reward.sign,
      transform: reward.transform,
      scale: reward.scale,
      baseline: reward.baseline,
      timeout_seconds: reward.timeout_seconds,
    },
    judge: evaluation.judge,
    data: { path: data.path, prompt_tokens },
    rollout: sampling,
    training: {
      epochs: training.epochs,
      minibatch: training.minibatch,
      learning_rate: training.learning_rate,
      value_learning_rate: training.value_learning_rate,
      gamma: training.gamma,
      lambda: training.lambda,
      clip_ratio: training.clip_ratio,
      clip_value: training.clip_value,
      value_coefficient: training.value_coefficient,
      entropy_coefficient: training.entropy_coefficient,
      max_grad_norm: training.max_grad_norm,
      prefix_baseline: training.prefix_baseline,
      average_decay: training.average_decay,
    },
    backend: {
      device: device ?? backend.device,
      dtype: backend.dtype,
      threads: backend.threads,
      deterministic: backend.deterministic,
    },
  };
}
