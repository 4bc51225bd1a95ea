/** `averse plan EXPERIMENT`: memory and time by phase before anything runs, and what to change. */
import { totalmem } from "node:os";
import { loadExperiment } from "../../config/load.js";
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import { planTrials } from "../../config/trials.js";
import { placeTrials } from "../../engine/plan.js";
import type { ModelLookup } from "../../preflight/preflight.js";
import { type Advice, adviceFor } from "../../sizing/advice.js";
import { givenRates } from "../../sizing/given-rates.js";
import {
  type HeldPart,
  type MemoryPhase,
  type MemoryPlan,
  memoryOf,
  totalOf,
} from "../../sizing/memory.js";
import { type ModelShape, shapeOf } from "../../sizing/model-shape.js";
import type { Rates } from "../../sizing/speed.js";
import {
  type IterationTime,
  iterationTime,
  type Scaling,
  totalSeconds,
} from "../../sizing/time.js";
import { type ScoringModel, type Workload, workloadOf } from "../../sizing/workload.js";
import { gridLines } from "../../text/grid.js";
import { formatBytes, formatCount, formatDuration, formatNumber } from "../../text/numbers.js";
import { readWorkerSpec, runsHere, strategyOf, type WorkerSpec } from "../../worker/spec.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { experimentFile } from "../lookup/experiments.js";
import { keptSpeed, speedFile } from "../machine/measure-speed.js";
import { packageRoot } from "../machine/package.js";
import { experimentModels, requireBackend } from "../run/run-preflight.js";
import type { Terminal } from "../terminal.js";

export interface PlanOptions {
  readonly set: readonly string[];
  readonly json: boolean;
  readonly offline: boolean;
  /** Left out: as many as the backend was measured with, 0 on a CPU. */
  readonly gpus?: number;
  /** Of one device, in 10⁹ bytes; left out: what was measured, on a CPU of this machine its memory. */
  readonly memory?: number;
  /** 10¹² floating-point operations per second that matrix products reach. */
  readonly tflops?: number;
  /** 10⁹ bytes per second of the device's memory, and between devices. */
  readonly bandwidth?: number;
  readonly interconnect?: number;
}

interface ArmPlan {
  readonly arm: string;
  readonly work: Workload;
  readonly memory: MemoryPlan;
  /** Of the first iteration and of the last, which keeps fewest; null: no rates are known. */
  readonly first: IterationTime | null;
  readonly last: IterationTime | null;
  /** Of all iterations of one trial. */
  readonly seconds: number | null;
}

/**
 * @throws {ConfigError} of the experiment or the worker's file
 * @throws {UserError} a model's size is not known, or there is nothing to train
 */
export async function plan(
  name: string,
  options: PlanOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const loaded = loadExperiment(experimentFile(name), options.set);
  const { experiment } = loaded;
  const spec = readWorkerSpec(experiment.backend.worker, packageRoot);
  await requireBackend(loaded, spec);
  const speed = keptSpeed(experiment.backend.worker);
  const measuredOnGpu = speed !== null && speed.device !== "cpu";
  const gpus = options.gpus ?? (measuredOnGpu ? 1 : 0);
  const onGpu = gpus > 0;
  const arms = Object.entries(experiment.arms).filter(([, { stage }]) => stage === "rl");
  if (arms.length === 0) throw new UserError(`${name} trains nothing: no arm has RL iterations.`);
  const found = await experimentModels(loaded, options);
  const processes = spec.processes > 1 ? (onGpu ? gpus : spec.processes) : 1;
  const { rates, source } = ratesFor(experiment, options, speed, onGpu === measuredOnGpu);
  const strategy = processes === 1 ? null : strategyOf(spec);
  const scaling: Scaling = {
    processes,
    isSharded: strategy !== null && strategy !== "data-parallel",
    copiesPolicy: strategy === "deepspeed",
    interconnect: options.interconnect === undefined ? null : options.interconnect * 1e9,
  };
  const plans = arms.map(([arm, config]) =>
    armPlan(experiment, arm, config, found, { onGpu, rates, scaling }),
  );
  const trials = planTrials(experiment).filter(({ iterations }) => iterations > 0);
  const hardware = { cores: spec.processes * 2, gpus, processes };
  const parallel = onGpu ? placeTrials(experiment, hardware, trials.length).parallel : 1;
  const limit = limitOf(options, spec, speed?.memory_bytes ?? null, onGpu, processes);
  const largest = plans.reduce((most, one) =>
    one.memory.peak.bytes > most.memory.peak.bytes ? one : most,
  );
  const advice = limit === null ? null : adviceFor(largest.work, limit, scaling);
  const all = plans.every(({ seconds }) => seconds !== null)
    ? trials.reduce((sum, { arm }) => sum + plans.find((one) => one.arm === arm)!.seconds!, 0) /
      parallel
    : null;
  const facts = {
    ...{ experiment: experiment.name, backend: experiment.backend.worker, gpus, processes },
    strategy,
    ...{ trials: trials.length, parallel, rates: source, memory_limit_bytes: limit },
    ...{ fits: limit === null ? null : advice === null, advice, run_seconds: all },
  };
  const armFacts = plans.map(({ work, ...rest }) => ({ ...rest, policy: work.policy }));
  terminal.out(
    options.json
      ? JSON.stringify({ ...facts, arms: armFacts })
      : [
          headText(facts, largest),
          "",
          ...memoryLines(largest),
          ...fitLines(largest, limit, advice, scaling),
          "",
          ...timeLines(plans, facts, source),
        ].join("\n"),
  );
  return exitCode.done;
}

interface Reckoning {
  readonly onGpu: boolean;
  readonly rates: Rates | null;
  readonly scaling: Scaling;
}

function armPlan(
  experiment: Experiment,
  arm: string,
  config: ArmConfig,
  found: readonly ModelLookup[],
  { onGpu, rates, scaling }: Reckoning,
): ArmPlan {
  const models = { policy: policyShape(found, arm), scorers: scorersOf(found, arm) };
  const work = workloadOf(experiment, config, models, onGpu);
  const at = (kept: number) => (rates === null ? null : iterationTime(work, rates, kept, scaling));
  const mean = at(work.keptMean);
  return {
    arm,
    work,
    memory: memoryOf(work, scaling),
    first: at(work.keptFirst),
    last: at(work.keptLast),
    seconds: mean === null ? null : work.iterations * totalSeconds(mean),
  };
}

function ofArm({ named }: ModelLookup, arm: string): boolean {
  return named.arm === null || named.arm === arm;
}

function policyShape(found: readonly ModelLookup[], arm: string): ModelShape {
  const policies = found.filter(({ named }) => named.key === "policy.model");
  const policy = policies.find((one) => ofArm(one, arm)) ?? policies[0]!;
  const { named, files, why } = policy;
  if (files === null) {
    throw new UserError(
      `the size of ${named.key} (${named.model}) is not known: ${why}. Give a folder with its ` +
        "config.json, or a hub id with network access.",
    );
  }
  const shape = shapeOf(files.config, files.parameters);
  if (shape !== null) return shape;
  throw new UserError(
    `${files.place}/config.json does not say how many layers, heads and tokens the model has, or ` +
      "how wide it is: expected hidden_size, num_hidden_layers, num_attention_heads and vocab_size.",
  );
}

/** Those of known size; functions, servers and word lists hold no model here. */
function scorersOf(found: readonly ModelLookup[], arm: string): ScoringModel[] {
  return found.flatMap((one): ScoringModel[] => {
    const { named, files } = one;
    if (named.kind === "language model" || !ofArm(one, arm) || files === null) return [];
    const shape = shapeOf(files.config, files.parameters);
    const parameters = files.parameters ?? shape?.parameters ?? 0;
    return [{ role: named.role, parameters, shape, isReward: named.role.startsWith("reward") }];
  });
}

function ratesFor(
  { backend }: Experiment,
  { tflops, bandwidth }: PlanOptions,
  speed: ReturnType<typeof keptSpeed>,
  isSameKind: boolean,
): { readonly rates: Rates | null; readonly source: string | null } {
  if (tflops !== undefined || bandwidth !== undefined) {
    if (tflops === undefined || bandwidth === undefined) {
      throw new UserError("--tflops and --bandwidth go together: time follows from both.");
    }
    const rates = givenRates(tflops * 1e12, bandwidth * 1e9, backend.dtype === "float32" ? 4 : 2);
    return { rates, source: `${tflops} TFLOP/s and ${bandwidth} GB/s, as given` };
  }
  if (speed === null || !isSameKind) return { rates: null, source: null };
  const { device_name, dtype, threads, measured } = speed;
  const how = `${device_name}, ${dtype}, ${threads} thread${threads === 1 ? "" : "s"}`;
  return { rates: speed, source: `measured on ${how}, ${measured.slice(0, 10)}` };
}

/** Processes of one machine's CPU share its memory; null: not known. */
function limitOf(
  { memory }: PlanOptions,
  spec: WorkerSpec,
  measured: number | null,
  onGpu: boolean,
  processes: number,
): number | null {
  if (memory !== undefined) return memory * 1e9;
  if (onGpu) return measured;
  return runsHere(spec) ? Math.floor(totalmem() / processes) : null;
}

interface Facts {
  readonly experiment: string;
  readonly backend: string;
  readonly gpus: number;
  readonly processes: number;
  readonly trials: number;
  readonly parallel: number;
  readonly run_seconds: number | null;
}

function headText(
  { experiment, backend, gpus, processes }: Facts,
  { work: { policy, loraRank } }: ArmPlan,
): string {
  const devices = gpus === 0 ? "CPU" : `${gpus} GPU${gpus === 1 ? "" : "s"}`;
  const several = processes === 1 ? "" : `, ${processes} processes that divide each batch`;
  const lora = loraRank === 0 ? "" : `, LoRA of rank ${loraRank}`;
  const model =
    `${formatCount(policy.parameters)} parameters in ${policy.layers} layers of width ` +
    `${policy.width}${lora}`;
  return `${experiment} on ${backend} (${devices}${several}): ${model}`;
}

const partWords: Readonly<Record<HeldPart, string>> = {
  libraries: "Python and libraries",
  data: "data and tokenizer",
  kernels: "code and buffers of matrix products",
  parameters: "parameters",
  reference: "reference",
  scorers: "rewards and judges",
  ema: "averaged weights (EMA)",
  gradients: "gradients",
  optimizer: "optimizer (AdamW)",
  kv_cache: "KV cache",
  activations: "activations",
  logits: "logits",
  weights_cast: "weights in half precision",
  gathered: "weights put together",
};
const phases: readonly MemoryPhase[] = ["load", "rollout", "reference", "update"];

function memoryLines({ arm, memory }: ArmPlan): string[] {
  const parts = (Object.keys(partWords) as HeldPart[]).filter((part) =>
    phases.some((phase) => (memory.phases[phase][part] ?? 0) > 0),
  );
  const cell = (bytes: number | undefined) => (bytes === undefined ? "-" : formatBytes(bytes));
  return gridLines(
    [
      [`memory per process, ${arm}`, ...phases],
      ...parts.map((part) => [
        partWords[part],
        ...phases.map((phase) => cell(memory.phases[phase][part])),
      ]),
      ["all", ...phases.map((phase) => formatBytes(totalOf(memory.phases[phase])))],
    ],
    ["left", "right", "right", "right", "right"],
  );
}

function fitLines(
  { memory: { peak } }: ArmPlan,
  limit: number | null,
  advice: Advice | null,
  { processes, isSharded }: Scaling,
): string[] {
  const most = `peak ${formatBytes(peak.bytes)} in ${peak.phase}`;
  if (limit === null) {
    return [`${most}; the device's memory is not known: give it with --memory, in GB`];
  }
  if (advice === null) return [`${most}, of ${formatBytes(limit)}: fits`];
  const each = advice.changes.map(
    ({ set, words, bytes }) => `  --set ${set}: ${formatBytes(bytes)} (${words})`,
  );
  const together =
    advice.enough === null
      ? "not even all of these fit: take a smaller model or a device with more memory" +
        (processes > 1 && !isSharded
          ? "; more of these processes divide the batch alone, those of the backend fsdp the models, too"
          : "")
      : `enough together: ${advice.enough.map((set) => `--set ${set}`).join(" ")}`;
  return [`${most}, of ${formatBytes(limit)}: does not fit`, ...each, together];
}

function timeLines(plans: readonly ArmPlan[], facts: Facts, source: string | null): string[] {
  if (source === null) {
    const { backend } = facts;
    return [
      `no times: ${backend} was not measured on this kind of device. Run ` +
        `\`averse doctor --backend ${backend}\`, which keeps its rates in ${speedFile(backend)}, ` +
        "or give --tflops and --bandwidth",
    ];
  }
  const row = (name: string, kept: number, time: IterationTime) => [
    name,
    String(kept),
    ...[time.sample, time.reference, time.reward, time.update, totalSeconds(time)].map((one) =>
      formatNumber(one, one < 10 ? 2 : 1),
    ),
  ];
  const rows = plans.flatMap(({ arm, work, first, last }) =>
    work.keptFirst === work.keptLast
      ? [row(arm, work.keptFirst, first!)]
      : [row(`${arm}, first`, work.keptFirst, first!), row(`${arm}, last`, work.keptLast, last!)],
  );
  const head = ["seconds an iteration", "kept", "sample", "reference", "reward", "update", "all"];
  const { trials, parallel, run_seconds } = facts;
  const beside = parallel === 1 ? "" : `, ${parallel} side by side`;
  return [
    ...gridLines(
      [head, ...rows],
      head.map((_, at) => (at === 0 ? "left" : "right")),
    ),
    `${trials} trial${trials === 1 ? "" : "s"}${beside}: ${formatDuration(run_seconds)} of iterations; loading, SFT, ` +
      "evaluations and checkpoints come on top",
    `rates: ${source}. Prompts and completions are taken at their full length`,
  ];
}
