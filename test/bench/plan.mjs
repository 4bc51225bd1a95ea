/**
 * `averse plan` against measured runs: memory (peak of the resident set, whole and over that before
 * models are loaded) and time (processor seconds of the worker, which other work on the machine does not lengthen)
 * at three model sizes of GPT-2's shape, on one CPU thread. The rates come from the same run, as
 * `averse doctor --backend` measures them.
 *
 *   npm run build && node test/bench/plan.mjs [rounds] [memory]
 *
 * `memory`: memory alone, which other work on the machine does not change. Prints one JSON object.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureSpeed, timedExperiment } from "../../dist/cli/machine/measure-speed.js";
import { writeShapedModel } from "../../dist/cli/machine/shaped-model.js";
import { planTrials } from "../../dist/config/trials.js";
import { loadPayloadFor } from "../../dist/engine/actions/load-payload.js";
import { float32Bytes, uint32Array, uint32Bytes } from "../../dist/protocol/arrays.js";
import { memoryOf } from "../../dist/sizing/memory.js";
import { shapeOf } from "../../dist/sizing/model-shape.js";
import { iterationTime } from "../../dist/sizing/time.js";
import { workloadOf } from "../../dist/sizing/workload.js";
import { openSession } from "../../dist/worker/session.js";
import { readWorkerSpec } from "../../dist/worker/spec.js";

const rounds = Number(process.argv[2] ?? 3);
const memoryAlone = process.argv[3] === "memory";
const root = fileURLToPath(new URL("../..", import.meta.url));
const assets = join(root, "python", "averse_worker", "assets", "language-model");
const spec = readWorkerSpec("local", root);

const sizes = [
  { layers: 4, width: 192, vocabulary: 4096, batch: 64, minibatch: 32 },
  { layers: 8, width: 512, vocabulary: 16_384, batch: 32, minibatch: 16 },
  { layers: 12, width: 768, vocabulary: 50_257, batch: 16, minibatch: 16 },
  // Mostly activations, where the others are mostly weights.
  { layers: 4, width: 192, vocabulary: 4096, batch: 256, minibatch: 128 },
];

/** Processor seconds of all threads of a process. @param {number} pid */
function processorSeconds(pid) {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(
      readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0],
    );
  }
  return nanoseconds / 1e9;
}

/** @param {number} pid @param {string} name */
function memoryOfProcess(pid, name) {
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  );
  return 1024 * Number(kilobytes);
}

/** The highest mark counts from now on. @param {number} pid */
function resetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

async function measuredSpeed() {
  const worker = await openSession(spec, { root });
  try {
    return await measureSpeed("local", worker, {
      parent: tmpdir(),
      clock: () => processorSeconds(worker.hello.pid),
    });
  } finally {
    await worker.close();
  }
}

/** One worker with one model: its peak, and the processor seconds of an iteration by phase. */
async function measuredRun(experiment) {
  const trial = planTrials(experiment).find(({ iterations }) => iterations > 0);
  const { batch, minibatch } = trial.config.training;
  const worker = await openSession(spec, { root });
  const { pid } = worker.hello;
  try {
    await worker.call("devices", {});
    const start = memoryOfProcess(pid, "VmRSS");
    resetPeak(pid);
    const loaded = await worker.call("load", loadPayloadFor(experiment, trial, null, null));
    const prompts = uint32Array(loaded.train.ids).slice(0, batch);
    const times = { sample: [], reference: [], update: [] };
    for (let round = 0; round <= rounds; round += 1) {
      const marks = {};
      const began = processorSeconds(pid);
      const { rollout } = await worker.call(
        "rollout",
        {
          ...{ prompts: uint32Bytes(prompts), completions: 1, condition: null },
          ...{ seed: round, kl_coefficient: 0.1 },
        },
        ({ phase }) => {
          marks[phase] ??= processorSeconds(pid);
        },
      );
      const middle = processorSeconds(pid);
      await worker.call("update", {
        ...{ rollout, weights: float32Bytes(new Float32Array(batch).fill(1)), rewards: null },
        ...{ advantages: null, conditions: null, kl_weights: null, kl_loss: null },
        ...{ whiten: "kept", loss_aggregation: "token-mean" },
        ...{ steps_per_epoch: Math.ceil(batch / minibatch), seed: round, learning_rate_factor: 1 },
      });
      if (round === 0) continue;
      times.sample.push(marks.reference - began);
      times.reference.push(marks.reward - marks.reference);
      times.update.push(processorSeconds(pid) - middle);
    }
    return { start, whole: memoryOfProcess(pid, "VmHWM"), parameters: loaded.parameters, times };
  } finally {
    await worker.close();
  }
}

/** @param planned by phase @param times of the rounds, by phase */
function timeOf(planned, times) {
  const phases = ["sample", "reference", "update"];
  const found = Object.fromEntries(phases.map((name) => [name, median(times[name])]));
  const sum = ({ sample, reference, update }) => sample + reference + update;
  return {
    seconds: Object.fromEntries(
      phases.map((name) => [name, { planned: round(planned[name]), measured: round(found[name]) }]),
    ),
    time: {
      planned: round(sum(planned)),
      measured: round(sum(found)),
      ratio: round(sum(planned) / sum(found)),
    },
  };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const round = (value, digits = 3) => Number(value.toPrecision(digits));

const before = memoryAlone ? null : await measuredSpeed();
const folder = mkdtempSync(join(tmpdir(), "averse-plan-"));
const runs = [];
try {
  for (const size of sizes) {
    const { batch, minibatch, ...shape } = size;
    const model = mkdtempSync(join(folder, "model-"));
    writeShapedModel(model, shape, assets);
    const experiment = timedExperiment("local", model, true, [
      `training.batch=${batch}`,
      `training.minibatch=${minibatch}`,
      "backend.device=cpu",
      "backend.threads=1",
    ]);
    const policy = shapeOf(JSON.parse(readFileSync(join(model, "config.json"), "utf8")), null);
    const work = workloadOf(experiment, experiment.arms.rlhf, { policy, scorers: [] }, false);
    const { start, whole, parameters, times } = await measuredRun(experiment);
    const plannedMemory = memoryOf(work);
    const plannedWhole = plannedMemory.peak.bytes;
    const plannedOver = plannedWhole - plannedMemory.phases.load.libraries;
    runs.push({
      ...size,
      parameters,
      counted: policy.parameters,
      memory: {
        phase: plannedMemory.peak.phase,
        planned_mb: round(plannedOver / 1e6),
        measured_mb: round((whole - start) / 1e6),
        ratio: round(plannedOver / (whole - start)),
        whole: {
          before_load_mb: round(start / 1e6),
          planned_mb: round(plannedWhole / 1e6),
          measured_mb: round(whole / 1e6),
          ratio: round(plannedWhole / whole),
        },
        parts_mb: Object.fromEntries(
          Object.entries(plannedMemory.phases[plannedMemory.peak.phase]).map(([name, bytes]) => [
            name,
            round(bytes / 1e6),
          ]),
        ),
      },
      ...(before === null ? {} : timeOf(iterationTime(work, before, batch), times)),
    });
    console.error(JSON.stringify(runs.at(-1)));
    rmSync(model, { recursive: true });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const worst = (name) =>
  round(Math.exp(Math.max(...runs.map((run) => Math.abs(Math.log(run[name].ratio))))) - 1);
console.log(
  JSON.stringify({
    clock: "processor seconds of the worker",
    ...(before === null ? {} : { points: before.points, logit: before.logit }),
    runs,
    worst: { memory: worst("memory"), ...(before === null ? {} : { time: worst("time") }) },
  }),
);
