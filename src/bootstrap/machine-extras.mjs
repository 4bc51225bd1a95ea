/** What the Python packages need beyond the rest because of the machine they are on. */
import { spawnSync } from "node:child_process";

/**
 * Extras of the Python package that are useful on this machine.
 *
 * @returns {string[]} `cuda`, which reads a GPU's load, where the NVIDIA driver lists per GPU; a
 *   machine without one is not to need the package
 */
export function machineExtras() {
  const { status, stdout } = spawnSync("nvidia-smi", ["--list-gpus"], {
    encoding: "utf8",
    timeout: 10_000,
  });
  return status === 0 && /^GPU \d/m.test(stdout) ? ["cuda"] : [];
}
