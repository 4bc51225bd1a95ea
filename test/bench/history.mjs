/**
 * A run with a long history that goes on at an even pace, for views to be measured on: the
 * simulated worker, a real record, a real socket.
 *
 *   node test/bench/history.mjs RUNS [STEPS] [A_SECOND]
 *
 * Prints one line, `{"run": folder}`, when there are so many steps; then goes on with so many a
 * second until it is ended.
 */
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { experimentSchema } from "../../dist/config/schema.js";
import { runExperiment } from "../../dist/experiment/engine.js";
import { planRun } from "../../dist/experiment/plan.js";
import { serveRun } from "../../dist/live/server.js";
import { createRun } from "../../dist/record/run-directory.js";
import { simulatedWorker } from "../../dist/worker/simulated.js";

const [runsFolder = "", steps = "10000", rate = "50"] = process.argv.slice(2);
const history = Number(steps);
const iterations = 2 * history;

const { arms: _, ...file } = experimentSchema.parse({
  name: "history",
  purpose: "a long history to look at",
  sft: { steps: 0 },
  training: { iterations, batch: 64 },
  evaluation: { prompts: 100, every: 100, every_prompts: 50 },
  checkpoint: { every: 100 },
});
const { reward, rollout, training, risk, sampling, kl } = file;
const arm = { stage: "rl", reward, rollout, training, risk, sampling, kl };
const experiment = { ...file, arms: { "ra-rlhf": arm } };

const recorder = createRun({
  experiment,
  runsFolder,
  runDir: null,
  provenance: {
    origins: {},
    command: [],
    versions: { node: process.version },
    git: null,
    lock_files: {},
    hardware: {},
    environment: {},
    process: { pid: process.pid, host: hostname() },
  },
  now: () => new Date(),
});
const server = await serveRun(recorder.directory, () => "this run only goes on");

let next = 0;
/** Each step at its time; a late one is not made up for. */
async function paced() {
  const now = performance.now();
  next = Math.max(now, next + 1000 / Number(rate));
  await pause(next - now);
}

const worker = simulatedWorker();
let done = 0;
const pacedWorker = new Proxy(worker, {
  get: (target, name) => {
    const value = Reflect.get(target, name, target);
    if (typeof value !== "function") return value;
    return async (/** @type {unknown[]} */ ...args) => {
      if (args[0] === "rollout" && done >= history) await paced();
      return value.apply(target, args);
    };
  },
});

const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
try {
  await runExperiment(experiment, planRun(experiment, { cores: 1, gpus: 0 }), {
    openWorker: async () => pacedWorker,
    recorder,
    clock: () => performance.now() / 1000,
    wait: async () => {},
    observe: (observation) => {
      server.observe(observation);
      if (observation.kind === "event" && observation.event.type === "step") {
        done = observation.event.step + 1;
        if (done === history) console.log(JSON.stringify({ run: recorder.directory }));
      }
    },
    stop: stop.signal,
    halt: stop.signal,
  });
} finally {
  await server.close();
  recorder.close();
}
