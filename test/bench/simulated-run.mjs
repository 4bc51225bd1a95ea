/** A long run of one arm on the simulated worker, with its record on disk. */
import { hostname } from "node:os";
import { experimentSchema } from "../../src/config/schema/experiment.js";
import { runExperiment } from "../../src/engine/engine.js";
import { planRun } from "../../src/engine/plan.js";
import { createRun } from "../../src/store/run-folder.js";
import { simulatedWorker } from "../worker/simulated/worker.js";

/**
 * @param {object} run
 * @param {string} run.name
 * @param {string} run.runsFolder
 * @param {number} run.iterations
 * @param {number} run.batch episodes per iteration
 * @param {number} run.every iterations between evaluations, and between checkpoints
 */
export async function simulatedRun({ name, runsFolder, iterations, batch, every }) {
  const { arms: _, ...file } = experimentSchema.parse({
    name,
    sft: { steps: 0 },
    training: { iterations, batch },
    evaluation: { prompts: 100, every, every_prompts: 50 },
    checkpoint: { every },
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
      written_paths: {},
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

  return {
    /** @type {string} */
    folder: recorder.directory,
    /**
     * Runs it to its end and closes the record.
     *
     * @param {object} ports
     * @param {(observation: any) => void} ports.observe
     * @param {any} [ports.worker]
     * @param {AbortSignal} [ports.stop] also aborts at once
     */
    async perform({ observe, worker = simulatedWorker(), stop = new AbortController().signal }) {
      try {
        return await runExperiment(experiment, planRun(experiment, { cores: 1, gpus: 0 }), {
          openWorker: async () => worker,
          recorder,
          clock: () => performance.now() / 1000,
          wait: async () => {},
          observe,
          stop,
          abort: stop,
        });
      } finally {
        recorder.close();
      }
    },
  };
}
