/** Cores and GPUs of this machine, found without Python. */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import type { Hardware } from "../experiment/placement.js";

export function hardware(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Hardware {
  return { cores: availableParallelism(), gpus: visibleGpus(environment.CUDA_VISIBLE_DEVICES) };
}

/** CUDA_VISIBLE_DEVICES counts up to the first invalid entry, as the driver reads it. */
function visibleGpus(visible: string | undefined): number {
  const installed = installedGpus();
  if (visible === undefined || installed === 0) return installed;
  const entries = visible.split(",").map((entry) => entry.trim());
  const end = entries.findIndex((entry) => entry === "" || entry.startsWith("-"));
  return Math.min(installed, end === -1 ? entries.length : end);
}

function installedGpus(): number {
  const { status, stdout } = spawnSync("nvidia-smi", ["-L"], { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? stdout.split("\n").filter((line) => line.startsWith("GPU ")).length : 0;
}
