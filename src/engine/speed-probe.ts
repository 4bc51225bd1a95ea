/** How fast a worker computes with a model: what `sizing/rates.ts` makes rates of. */
import type { Experiment } from "../config/schema/experiment.js";
import { uint32Array } from "../protocol/arrays.js";
import type { Payload, Result } from "../protocol/messages.js";
import { learningBy, plainRollout, plainUpdate } from "../protocol/plain-payloads.js";
import type { ModelShape } from "../sizing/model-shape.js";
import type { Timed, Timing } from "../sizing/rates.js";
import type { Worker } from "../worker/contract.js";
import { loadPayloadFor } from "./actions/load-payload.js";
import { planRun } from "./plan.js";

/** Episodes of the batches that are compared. */
const MANY = 32;
const FEW = 4;
const ROUNDS = 3;
/** Of the timed rounds with one model; the round in hand is finished, and there is one at least. */
const BUDGET_SECONDS = 8;

export interface SpeedProbe {
  readonly timing: Timing;
  readonly loaded: Result<"load">;
}

/**
 * Times rollouts and updates of many and of few episodes: what grows with the episodes is work on
 * tokens, the rest is reading weights and stepping the optimizer. The medians of three each, of fewer on a slow device.
 *
 * @param experiment one arm that trains the model, with prompts and completions of the length that its
 *   `rollout` says, and minibatches of 32 episodes at least
 * @param clock seconds of the worker's time
 * @throws {WorkerFailure} {WorkerLost} it cannot do one of them
 */
export async function probeSpeed(
  worker: Worker,
  experiment: Experiment,
  shape: ModelShape,
  clock: () => number,
): Promise<SpeedProbe> {
  const plan = planRun(experiment, { cores: 1, gpus: 0 });
  const trial = plan.trials.find(({ iterations }) => iterations > 0)!;
  const loaded = await worker.call("load", loadPayloadFor(experiment, trial, null, null));
  const prompts = uint32Array(loaded.train.ids).slice(0, MANY);
  const many: Timed[] = [];
  const few: Timed[] = [];
  // The first one fills caches.
  await timedIteration(worker, prompts.slice(0, FEW), 0, clock);
  const began = clock();
  for (let round = 1; round <= ROUNDS; round += 1) {
    if (round > 1 && clock() - began > BUDGET_SECONDS) break;
    many.push(await timedIteration(worker, prompts, round, clock));
    few.push(await timedIteration(worker, prompts.slice(0, FEW), round, clock));
  }
  const { prompt_tokens, new_tokens } = trial.config.rollout;
  const timing = {
    ...{ shape, promptTokens: prompt_tokens, newTokens: new_tokens },
    ...{ many: medianOf(many), few: medianOf(few) },
  };
  return { timing, loaded };
}

/** One rollout, and one gradient step on all of its episodes. */
async function timedIteration(
  worker: Worker,
  prompts: Uint32Array,
  seed: number,
  clock: () => number,
): Promise<Timed> {
  const marks: Record<string, number> = {};
  const began = clock();
  const rolled = await worker.call("rollout", plainRollout(prompts, seed), ({ phase }) => {
    marks[phase] ??= clock();
  });
  const ended = clock();
  const middle = marks.reference ?? ended;
  await worker.call("update", updateOf(worker, rolled, seed));
  return {
    episodes: prompts.length,
    sample: middle - began,
    reference: (marks.reward ?? ended) - middle,
    update: clock() - ended,
  };
}

/** By weights where there is a critic, by advantages where there is none; all of them learn. */
function updateOf(
  { hello: { capabilities } }: Worker,
  { rollout, length }: Result<"rollout">,
  seed: number,
): Payload<"update"> {
  const episodes = uint32Array(length).length;
  const numbers = Float32Array.from({ length: episodes }, (_, at) => 1 + (at % 2));
  return plainUpdate(rollout, null, {
    ...learningBy(capabilities.critic, numbers),
    steps_per_epoch: 1,
    seed,
  });
}

function medianOf(all: readonly Timed[]): Timed {
  const middle = (name: "sample" | "reference" | "update") =>
    all.map((one) => one[name]).sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
  const { episodes } = all[0]!;
  return {
    episodes,
    sample: middle("sample"),
    reference: middle("reference"),
    update: middle("update"),
  };
}
