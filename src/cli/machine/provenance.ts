/** What the controller knows of itself and its machine, for the manifest. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { arch, cpus, hostname, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Provenance } from "../../store/manifest/manifest.js";
import { recordedCommand } from "../command-line.js";
import type { MachineHardware } from "./hardware.js";
import { packageRoot, packageVersion } from "./package.js";

const lockFiles = ["package-lock.json", "python/constraints.txt"];

/**
 * @param argv arguments after the program's name
 * @param worker environment that the worker's spec adds to this process's
 */
export function provenance(
  { origins, written_paths }: Pick<Provenance, "origins" | "written_paths">,
  machine: MachineHardware,
  argv: readonly string[],
  worker: Readonly<Record<string, string>>,
): Provenance {
  const environment = { ...process.env, ...worker };
  return {
    origins,
    written_paths,
    command: recordedCommand(argv, environment),
    versions: {
      averse: packageVersion(),
      node: process.versions.node,
      nvidia_driver: machine.driver,
    },
    git: gitState(packageRoot),
    lock_files: Object.fromEntries(lockFiles.map((name) => [name, digestOf(name)])),
    hardware: {
      platform: `${platform()} ${release()} ${arch()}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      memory_bytes: totalmem(),
      cores: machine.cores,
      gpus: machine.gpus,
      gpu: [...new Set(machine.gpuModels)].join(", "),
    },
    environment: recordedEnvironment(environment),
    process: { pid: process.pid, host: hostname() },
  };
}

function digestOf(name: string): string | null {
  const path = join(packageRoot, name);
  if (!existsSync(path)) return null;
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** A checkout with new data files can have a long list of them, or a long diff. */
const largestOutput = 1 << 30;

/**
 * Which code this is: commit, and a digest of everything that differs from it.
 *
 * Null outside a checkout whose top folder is `root`, without git, and where git cannot tell.
 * What git ignores (runs, packages) is no part of the code.
 */
export function gitState(root: string): Provenance["git"] {
  const git = (args: readonly string[], input?: Buffer): Buffer | null => {
    const { status, stdout } = spawnSync("git", ["-C", root, ...args], {
      timeout: 60_000,
      maxBuffer: largestOutput,
      stdio: ["pipe", "pipe", "ignore"],
      ...(input === undefined ? {} : { input }),
    });
    return status === 0 ? stdout : null;
  };
  const commit = git(["rev-parse", "--verify", "HEAD"]);
  const inside = git(["rev-parse", "--show-prefix"]);
  // Paths in `added` and `diff` count from here only at the top of a checkout.
  if (commit === null || inside === null || inside.toString().trim() !== "") return null;
  const diff = git(["diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv"]);
  const added = git(["ls-files", "--others", "--exclude-standard", "-z"]);
  if (diff === null || added === null) return null;
  const paths = added
    .toString()
    .split("\0")
    .filter((path) => path !== "" && !path.endsWith("/"));
  const contents = git(["hash-object", "--stdin-paths"], Buffer.from(paths.join("\n")));
  if (contents === null) return null;
  const clean = diff.length === 0 && added.length === 0;
  const hash = createHash("sha256").update(diff).update("\0").update(added).update(contents);
  return { commit: commit.toString().trim(), diff_sha256: clean ? null : hash.digest("hex") };
}

/**
 * The variables that a manifest may hold: these and never another. They change how numbers are
 * computed or which device is used; none of them carries a secret.
 */
export const recordedVariables = [
  "AVERSE_PYTHON",
  "ATEN_CPU_CAPABILITY",
  "CUBLAS_WORKSPACE_CONFIG",
  "CUDA_DEVICE_ORDER",
  "CUDA_LAUNCH_BLOCKING",
  "CUDA_MODULE_LOADING",
  "CUDA_VISIBLE_DEVICES",
  "DNNL_MAX_CPU_ISA",
  "HF_HUB_OFFLINE",
  "KMP_AFFINITY",
  "MKL_CBWR",
  "MKL_DYNAMIC",
  "MKL_NUM_THREADS",
  "NVIDIA_TF32_OVERRIDE",
  "OMP_DYNAMIC",
  "OMP_NUM_THREADS",
  "OMP_PROC_BIND",
  "OMP_SCHEDULE",
  "ONEDNN_MAX_CPU_ISA",
  "OPENBLAS_NUM_THREADS",
  "PYTHONHASHSEED",
  "PYTORCH_ALLOC_CONF",
  "PYTORCH_CUDA_ALLOC_CONF",
  "PYTORCH_ENABLE_MPS_FALLBACK",
  "PYTORCH_NO_CUDA_MEMORY_CACHING",
  "TOKENIZERS_PARALLELISM",
  "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
  "TRANSFORMERS_OFFLINE",
] as const;

/** @param environment as a worker sees it */
export function recordedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    recordedVariables.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
