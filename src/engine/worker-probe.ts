/** A worker asked what it can do, and timed at a tiny rollout and update of the built-in model. */
import type { Experiment } from "../config/schema/experiment.js";
import { float32Array, uint32Array } from "../protocol/arrays.js";
import type { Hello, Result } from "../protocol/messages.js";
import { learningBy, plainRollout, plainUpdate } from "../protocol/plain-payloads.js";
import type { Worker } from "../worker/contract.js";
import { loadPayloadFor } from "./actions/load-payload.js";
import { hardwareOf, planRun } from "./plan.js";

export interface WorkerFacts {
  readonly engine: string;
  readonly version: string;
  readonly protocol: number;
  readonly capabilities: Hello["capabilities"];
  readonly devices: Result<"devices">["devices"];
  readonly cores: number;
  /** Device and software that the model was loaded on. */
  readonly device: string;
  readonly device_name: string;
  readonly dtype: string;
  /** That compute together. */
  readonly processes: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly parameters: number;
  /** Of the worker's process on the host, and of its GPU, after the load. */
  readonly memory_bytes: number;
  readonly gpu: Result<"load">["gpu"];
  readonly episodes: number;
  /** Generated tokens of the timed rollout. */
  readonly tokens: number;
  /** Of the second time each: the first one warms caches and allocators up. */
  readonly seconds: { readonly load: number; readonly rollout: number; readonly update: number };
}

const EPISODES = 16;

/**
 * @param experiment with one arm that trains, by an algorithm that the worker can do
 * @param clock seconds
 * @throws {WorkerFailure} {WorkerLost} it cannot do one of them
 */
export async function probeWorker(
  worker: Worker,
  experiment: Experiment,
  clock: () => number,
): Promise<WorkerFacts> {
  const { engine, version, protocol, capabilities } = worker.hello;
  const { devices, auto, cores } = await worker.call("devices", {});
  const plan = planRun(experiment, hardwareOf({ devices, auto, cores }));
  const trial = plan.trials.find(({ iterations }) => iterations > 0)!;
  const began = clock();
  const loaded = await worker.call("load", loadPayloadFor(experiment, trial, null, null));
  const load = clock() - began;
  const prompts = uint32Array(loaded.train.ids).slice(0, EPISODES);
  // The first ones of a worker fill caches; the second ones are what a run has again and again.
  await iterate(worker, prompts, 0, clock);
  const { rolled, ...seconds } = await iterate(worker, prompts, 1, clock);
  const { device, device_name, dtype, processes, versions, parameters, memory_bytes, gpu } = loaded;
  return {
    ...{ engine, version, protocol, capabilities, devices, cores },
    ...{ device, device_name, dtype, processes, versions, parameters, memory_bytes, gpu },
    episodes: prompts.length,
    tokens: rolled.tokens,
    seconds: { load, ...seconds },
  };
}

async function iterate(worker: Worker, prompts: Uint32Array, seed: number, clock: () => number) {
  const { critic } = worker.hello.capabilities;
  const start = clock();
  const rolled = await worker.call("rollout", plainRollout(prompts, seed));
  const rollout = clock() - start;
  const returns = float32Array(rolled.return);
  const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length;
  const numbers = returns.map((value) => (critic ? 1 : value - mean));
  const middle = clock();
  await worker.call(
    "update",
    plainUpdate(rolled.rollout, null, { ...learningBy(critic, numbers), seed }),
  );
  return { rolled, rollout, update: clock() - middle };
}
