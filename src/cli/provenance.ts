/** What the controller knows of itself and its machine, for the manifest. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { arch, cpus, hostname, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Provenance } from "../record/manifest.js";
import { recordedCommand } from "./command-line.js";
import { recordedEnvironment } from "./environment-variables.js";
import { gitState } from "./git-state.js";
import type { MachineHardware } from "./hardware.js";
import { packageRoot } from "./package-root.js";
import { packageVersion } from "./version.js";

const lockFiles = ["package-lock.json", "python/constraints.txt"];

/**
 * @param argv arguments after the program's name
 * @param worker environment that the worker's spec adds to this process's
 */
export function provenance(
  origins: Provenance["origins"],
  machine: MachineHardware,
  argv: readonly string[],
  worker: Readonly<Record<string, string>>,
): Provenance {
  const environment = { ...process.env, ...worker };
  return {
    origins,
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
