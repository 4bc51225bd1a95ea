/** The rates of a backend at a few widths, measured on models made for it, and kept for `averse plan`. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { loadExperiment } from "../../config/load.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { probeSpeed } from "../../engine/speed-probe.js";
import { shapeOf } from "../../sizing/model-shape.js";
import { ratesOf, type Timing } from "../../sizing/rates.js";
import { type BackendSpeed, backendSpeed } from "../../sizing/speed.js";
import { formatDuration } from "../../text/numbers.js";
import { firstFault } from "../../text/schema-faults.js";
import type { Worker } from "../../worker/contract.js";
import { UserError } from "../failure-text.js";
import { backendOverride } from "../lookup/backend-override.js";
import { packageRoot } from "./package.js";
import { type GptShape, writeShapedModel } from "./shaped-model.js";

/** From the built-in model's width to that of GPT-2 small. */
const shapes: readonly GptShape[] = [
  { layers: 4, width: 192, vocabulary: 4096 },
  { layers: 4, width: 384, vocabulary: 4096 },
  { layers: 4, width: 384, vocabulary: 32_768 },
  { layers: 3, width: 768, vocabulary: 4096 },
];

const assets = join(packageRoot, "python", "averse_worker", "assets", "language-model");

/**
 * @param parent folder that the worker reaches under the same path; models lie there meanwhile
 * @param clock seconds of the worker's time
 * @param tell gets how far it is, in one line
 * @throws {WorkerFailure} {WorkerLost} it cannot load or train them
 */
export async function measureSpeed(
  backend: string,
  worker: Worker,
  {
    parent,
    clock,
    tell = () => {},
  }: {
    readonly parent: string;
    readonly clock: () => number;
    readonly tell?: (text: string) => void;
  },
): Promise<BackendSpeed> {
  const { devices } = await worker.call("devices", {});
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "averse-speed-"));
  try {
    const timings: Timing[] = [];
    let last: Omit<BackendSpeed, "points" | "logit"> | null = null;
    const began = performance.now();
    for (const [at, shape] of shapes.entries()) {
      // The models take about as long as each other.
      const left = (((performance.now() - began) / 1000) * (shapes.length - at)) / Math.max(1, at);
      const eta = at === 0 ? "up to a minute" : formatDuration(left);
      tell(`measuring rates with model ${at + 1} of ${shapes.length}, ${eta} left`);
      const model = mkdtempSync(join(folder, "model-"));
      writeShapedModel(model, shape, assets);
      const config = JSON.parse(readFileSync(join(model, "config.json"), "utf8"));
      const experiment = timedExperiment(
        backend,
        model,
        worker.hello.capabilities.critic,
        impatient(worker.hello),
      );
      const { timing, loaded } = await probeSpeed(
        worker,
        experiment,
        shapeOf(config, null)!,
        clock,
      );
      timings.push(timing);
      const { device, device_name, dtype, threads } = loaded;
      const memory_bytes = devices.find(({ name }) => name === device)?.memory_bytes ?? null;
      const measured = new Date().toISOString();
      last = { backend, device, device_name, dtype, threads, memory_bytes, measured };
    }
    return { ...last!, ...ratesOf(timings) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How long a server that an engine needs is waited for, in seconds: who asks is waiting. */
const CONNECT_SECONDS = 3;

/** Settings of an engine that would wait for a server that is not there. */
export function impatient({ engine_options }: Worker["hello"]): string[] {
  const options = Object.keys(engine_options.properties ?? {});
  return options.includes("connect_seconds")
    ? [`backend.engine_options.connect_seconds=${CONNECT_SECONDS}`]
    : [];
}

/** Prompts of 12 tokens, which every built-in one has, and completions of 24. */
export function timedExperiment(
  backend: string,
  model: string,
  hasCritic: boolean,
  more: readonly string[] = [],
): Experiment {
  const file = join(packageRoot, "configs", "experiments", "smoke.yaml");
  const { experiment } = loadExperiment(file, [
    backendOverride(backend),
    "arms=[rlhf]",
    "sft.steps=0",
    "evaluation.judges=[]",
    `policy.model=${model}`,
    `training.algorithm=${hasCritic ? "ppo" : "reinforce"}`,
    "kl.form=return",
    ...["training.batch=32", "training.minibatch=32", "training.epochs=1"],
    ...["rollout.prompt_tokens=12", "rollout.new_tokens=24", "rollout.min_new_tokens=24"],
    ...more,
  ]);
  return experiment;
}

/** Where the rates of a backend lie: per user, like other caches. */
export function speedFile(
  backend: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const cache = environment.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(cache, "averse", "speed", `${backend.replace(/[^A-Za-z0-9._-]/g, "_")}.json`);
}

export function keepSpeed(speed: BackendSpeed): string {
  const file = speedFile(speed.backend);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, `${JSON.stringify(speed, null, 2)}\n`);
  return file;
}

/**
 * @returns null: it was never measured
 * @throws {UserError} the file is damaged
 */
export function keptSpeed(backend: string): BackendSpeed | null {
  const file = speedFile(backend);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const again = `measure again: averse doctor --backend ${backend}.`;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UserError(`${file} is not JSON; ${again}`);
  }
  const outcome = backendSpeed.safeParse(json);
  if (outcome.success) return outcome.data;
  throw new UserError(
    `${file} is not a backend's speed: ${firstFault(outcome.error, json)}; ${again}`,
  );
}
