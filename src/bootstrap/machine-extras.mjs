/** Extras of the Python package that are of use on this machine, whatever a script asks for. */
import { spawnSync } from "node:child_process";

/**
 * @returns {string[]} `gpu`, which reads a GPU's load, where the NVIDIA driver lists a GPU; a
 *   machine without one is not to need the package
 */
export function machineExtras() {
  const { status, stdout } = spawnSync("nvidia-smi", ["--list-gpus"], {
    encoding: "utf8",
    timeout: 10_000,
  });
  return status === 0 && /^GPU \d/m.test(stdout) ? ["gpu"] : [];
}
