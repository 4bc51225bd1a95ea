/** The experiments that faults strike: seconds of work, with every phase of a real run in them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The worker's engine, and what it is asked.
 *
 * @typedef {"fake" | "fake-stages" | "fake-sweep" | "torch" | "torch-sft" | "distributed" |
 *   "fsdp"} Experiment
 */

/** Two processes for one trial, and all that they have to agree on in it. */
const several = {
  arms: ["ra-rlhf"],
  sft: { steps: 0 },
  rollout: { prompt_tokens: 12, new_tokens: 8 },
  training: { iterations: 3, batch: 8, minibatch: 4, epochs: 2, ema_decay: 0.5 },
  risk: { alpha: 0.4, warmup: 1 },
  checkpoint: { every: 1, keep_last: 1 },
  evaluation: { prompts: 8, every: 2, every_prompts: 8, samples: 2 },
};

/** @type {Record<Experiment, object>} */
const experiments = {
  distributed: { name: "faults-distributed", ...several },
  fsdp: { name: "faults-fsdp", ...several },
  // Three arms, six iterations, three checkpoints of which one is kept, a β that moves.
  fake: {
    name: "faults",
    arms: ["sft", "rlhf", "ra-rlhf"],
    sft: { steps: 4, batch: 8, max_tokens: 32 },
    rollout: { prompt_tokens: 16, new_tokens: 8 },
    training: { iterations: 6, batch: 16, minibatch: 8, epochs: 2, learning_rate: 1e-3 },
    risk: { alpha: 0.4, warmup: 1 },
    checkpoint: { every: 2, keep_last: 1 },
    evaluation: { prompts: 40, every: 2, every_prompts: 20, samples: 4 },
  },
  // Two models are trained first, and kept as artifacts beside the run.
  "fake-stages": {
    name: "faults-stages",
    arms: ["sft", "ra-rlhf"],
    stages: {
      writer: { kind: "language_model", base: { architecture: "gpt2" }, steps: 6 },
      scorer: { kind: "classifier", base: "stage:writer", data: "builtin", steps: 6 },
    },
    policy: { model: "stage:writer" },
    reward: { kind: "classifier", model: "stage:scorer" },
    sft: { steps: 4, batch: 8, max_tokens: 32 },
    rollout: { prompt_tokens: 16, new_tokens: 8 },
    training: { iterations: 3, batch: 16, minibatch: 8, epochs: 2, learning_rate: 1e-3 },
    risk: { alpha: 0.4, warmup: 1 },
    checkpoint: { every: 2, keep_last: 1 },
    evaluation: { prompts: 40, every: 0, judges: null, harm_threshold: 0, samples: 4 },
  },
  // Four points, of which halving drops two after the first seed and one after the second.
  "fake-sweep": {
    name: "faults-sweep",
    arms: ["sft", "ra-rlhf"],
    seeds: [0, 1, 2],
    sweep: {
      grid: { "risk.alpha": [0.2, 0.4], "arms.ra-rlhf.kl.beta": [0.1, 0.3] },
      halving: "tail_reward",
    },
    sft: { steps: 4, batch: 8, max_tokens: 32 },
    rollout: { prompt_tokens: 16, new_tokens: 8 },
    training: { iterations: 2, batch: 16, minibatch: 8, epochs: 2, learning_rate: 1e-3 },
    risk: { warmup: 1 },
    checkpoint: { every: 1, keep_last: 1 },
    evaluation: { prompts: 40, every: 0, samples: 4 },
  },
  // A worker costs seconds to start here, so that each of these has one trial.
  torch: {
    name: "faults-torch",
    arms: ["ra-rlhf"],
    sft: { steps: 0 },
    rollout: { prompt_tokens: 12, new_tokens: 8 },
    training: {
      iterations: 3,
      batch: 8,
      minibatch: 4,
      epochs: 2,
      learning_rate: 1e-3,
      ema_decay: 0.5,
    },
    risk: { alpha: 0.4, warmup: 1 },
    checkpoint: { every: 1, keep_last: 1 },
    evaluation: { prompts: 8, every: 2, every_prompts: 8, samples: 2 },
  },
  "torch-sft": {
    name: "faults-sft",
    arms: ["sft"],
    sft: { steps: 3, batch: 4, max_tokens: 24 },
    rollout: { prompt_tokens: 12, new_tokens: 8 },
    evaluation: { prompts: 8, every: 2, every_prompts: 8, samples: 2 },
  },
};

/**
 * Writes the experiment and the worker that it names.
 *
 * @param {string} folder
 * @param {Experiment} name
 * @param {object} [options]
 * @param {number} [options.parallel] trials side by side
 * @param {number} [options.restarts] workers that a trial may lose
 * @param {object[]} [options.faults] see faulty_worker.py
 * @param {object} [options.changes] of the experiment's sections
 * @returns {string} the experiment's file; JSON is YAML
 */
export function writeExperiment(folder, name, options = {}) {
  const { parallel = 2, restarts = 3, faults = [], changes = {} } = options;
  const engine = isFake(name) ? "fake" : "torch";
  const strategy = { distributed: "data-parallel", fsdp: "fsdp" }[String(name)];
  const processes = strategy === undefined ? 1 : 2;
  const planned = join(folder, "faults.json");
  const worker = join(folder, "worker.yaml");
  const file = join(folder, "experiment.yaml");
  writeFileSync(planned, JSON.stringify(faults));
  writeFileSync(
    worker,
    JSON.stringify({
      name: `faulty-${engine}`,
      processes,
      argv: [
        "{python}",
        join(root, "test", "python", "faults", "faulty_worker.py"),
        ...["--endpoint", "{endpoint}", "--session", "{session}", "--engine", engine],
        ...(strategy === undefined ? [] : ["--processes", "{processes}", "--strategy", strategy]),
        ...["--heartbeat-timeout-ms", "10000"],
        // A worker whose controller dies before they have met finds out by this alone.
        ...["--connect-timeout-ms", "10000"],
      ],
      environment: {
        PYTHONUNBUFFERED: "1",
        TOKENIZERS_PARALLELISM: "false",
        AVERSE_TEST_FAULTS: planned,
      },
      start_seconds: 120,
      // A stopped process heeds no request: its end is waited for twice.
      stop_seconds: 2,
    }),
  );
  writeFileSync(
    file,
    JSON.stringify({
      ...experiments[name],
      ...changes,
      backend: { worker, device: "cpu", threads: 1 },
      trials: { parallel, restarts, backoff_seconds: 0.1 },
    }),
  );
  return file;
}

/** @param {Experiment} name */
export function isFake(name) {
  return name.startsWith("fake");
}
