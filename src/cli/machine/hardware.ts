/** Cores and GPUs of this machine, found without Python. */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import type { Hardware } from "../../engine/plan.js";
import { asksCluster, type WorkerSpec } from "../../worker/spec.js";

export interface MachineHardware extends Hardware {
  /** Models of the GPUs that workers can see by number; of all that are installed. */
  readonly gpuModels: readonly string[];
  /** Version of the GPUs' driver; null: there is none. */
  readonly driver: string | null;
}

export function hardware(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): MachineHardware {
  const installed = installedGpus();
  return {
    cores: availableParallelism(),
    gpus: visibleGpus(environment.CUDA_VISIBLE_DEVICES, installed.length),
    mps: process.platform === "darwin" && process.arch === "arm64",
    gpuModels: installed.map(({ model }) => model),
    driver: installed[0]?.driver ?? null,
  };
}

/** What trials are placed by, with workers of this file. */
export function hardwareFor(spec: WorkerSpec, machine: Hardware): Hardware {
  return { ...machine, processes: spec.processes, cluster: asksCluster(spec) };
}

/** CUDA_VISIBLE_DEVICES counts up to the first invalid entry, as the driver reads it. */
function visibleGpus(visible: string | undefined, installed: number): number {
  if (visible === undefined || installed === 0) return installed;
  const entries = visible.split(",").map((entry) => entry.trim());
  const end = entries.findIndex((entry) => entry === "" || entry.startsWith("-"));
  return Math.min(installed, end === -1 ? entries.length : end);
}

function installedGpus(): { model: string; driver: string }[] {
  const query = ["--query-gpu=driver_version,name", "--format=csv,noheader"];
  const { status, stdout } = spawnSync("nvidia-smi", query, { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? gpusOf(stdout) : [];
}

/** @param text lines of `driver version, model` */
export function gpusOf(text: string): { model: string; driver: string }[] {
  return text.split("\n").flatMap((line) => {
    const [, driver, model] = /^\s*([^,]+?)\s*,\s*(.+?)\s*$/.exec(line) ?? [];
    return driver === undefined || model === undefined ? [] : [{ driver, model }];
  });
}
