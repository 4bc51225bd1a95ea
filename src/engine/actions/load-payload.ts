import type { Experiment } from "../../config/schema/experiment.js";
import type { Trial } from "../../config/trials.js";
import type { Payload } from "../../protocol/messages.js";
import { streamSeed } from "../../stats/random.js";

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
  // Keys of these sections are a worker's, but for those of the controller alone, named here.
  const { max_failed_share, ...reward } = trial.config.reward;
  const { prompt_tokens, ...sampling } = trial.config.rollout;
  const { iterations, batch, learning_rate_schedule, ...training } = trial.config.training;
  const { worker, ...numbers } = backend;
  return {
    seed: streamSeed(trial.seed, "load", 0),
    policy: { ...policy, model: startFrom ?? policy.model },
    reference: null,
    reward,
    judge: evaluation.judge,
    data: { path: data.path, prompt_tokens },
    rollout: sampling,
    training,
    backend: { ...numbers, device: device ?? backend.device },
  };
}
