/**
 * Controller memory over a long run on the simulated worker, with the record on disk:
 *
 *   npm run build && node --expose-gc test/bench/memory.mjs [steps] [folder]
 *
 * Prints one JSON object. `rss_mb_start` is read after the first tenth of the steps, when code and
 * caches are warm; `heap_mb_*` are after a garbage collection (where it is exposed).
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { experimentSchema } from "../../dist/config/schema.js";
import { runExperiment } from "../../dist/experiment/engine.js";
import { planRun } from "../../dist/experiment/plan.js";
import { createRun } from "../../dist/record/run-directory.js";
import { simulatedWorker } from "../../dist/worker/simulated.js";

const steps = Number(process.argv[2] ?? 10_000);
const runsFolder = mkdtempSync(join(process.argv[3] ?? tmpdir(), "averse-memory-"));

const { arms: _, ...file } = experimentSchema.parse({
  name: "memory",
  sft: { steps: 0 },
  training: { iterations: steps, batch: 128 },
  evaluation: { prompts: 100, every: Math.ceil(steps / 10), every_prompts: 50 },
  checkpoint: { every: Math.ceil(steps / 10) },
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

const megabytes = (bytes) => Math.round((bytes / 2 ** 20) * 10) / 10;
const memory = () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss: megabytes(rss), heap: megabytes(heapUsed) };
};

let start = memory();
let controller = 0;
const never = new AbortController().signal;
const began = performance.now();
const outcome = await runExperiment(experiment, planRun(experiment, { cores: 1, gpus: 0 }), {
  openWorker: async () => simulatedWorker(),
  recorder,
  clock: () => performance.now() / 1000,
  wait: async () => {},
  observe: (observation) => {
    if (observation.kind !== "event" || observation.event.type !== "step") {
      return;
    }
    controller += observation.event.seconds.total;
    if (observation.event.step === Math.floor(steps / 10)) {
      start = memory();
    }
  },
  stop: never,
  halt: never,
});
const seconds = (performance.now() - began) / 1000;
const end = memory();
recorder.close();
const journal = statSync(join(recorder.directory, "journal.jsonl")).size;
rmSync(runsFolder, { recursive: true, force: true });

const round = (value) => Math.round(value * 1000) / 1000;
console.log(
  JSON.stringify({
    outcome: outcome.outcome,
    steps,
    rss_mb_start: start.rss,
    rss_mb_end: end.rss,
    heap_mb_start: start.heap,
    heap_mb_end: end.heap,
    journal_mb: megabytes(journal),
    journal_kb_per_step: round(journal / 1024 / steps),
    // Simulated worker, journal and fsync included.
    ms_per_step: round((1000 * controller) / steps),
    seconds: round(seconds),
  }),
);
process.exitCode = outcome.outcome === "done" ? 0 : 1;
