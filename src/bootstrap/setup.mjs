/** Everything that a command here needs, installed and built; nothing is done twice. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "./build.mjs";
import { forwardSignals, wasInterrupted } from "./child.mjs";
import { machineExtras } from "./machine-extras.mjs";
import { ensureNodePackages } from "./node-packages.mjs";
import { ensurePythonPackages } from "./python-packages.mjs";
import { environmentExit, interruptedExit, SetupError } from "./setup-error.mjs";
import { takeSetupLock } from "./setup-lock.mjs";

/** The folder that holds `src/`, wherever a script is called from. */
export const checkoutRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Runs a script: set-up under the lock, then its own part; a failed set-up is reported in one sentence.
 *
 * @param {string} root
 * @param {readonly string[]} extras of the Python package
 * @param {() => Promise<number>} then answers with the exit code
 */
export async function afterSetup(root, extras, then) {
  forwardSignals();
  try {
    await setUp(root, extras);
    process.exitCode = wasInterrupted() ? interruptedExit : await then();
  } catch (error) {
    const failure = error instanceof SetupError ? error : refusedPlace(root, error);
    if (failure === null) throw error;
    if (wasInterrupted()) {
      process.stderr.write("Set-up interrupted; the next run continues it.\n");
      process.exitCode = interruptedExit;
      return;
    }
    for (const line of failure.details) process.stderr.write(`  ${line}\n`);
    process.stderr.write(`${failure.message}\n`);
    process.exitCode = environmentExit;
  }
}

/** @type {Readonly<Record<string, string>>} */
const refusals = {
  EACCES: "no permission to write",
  EPERM: "no permission to write",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
};

/**
 * @param {string} root
 * @param {unknown} error
 * @returns {SetupError | null} null: the error is not about a place that set-up writes to
 */
function refusedPlace(root, error) {
  if (!(error instanceof Error) || !("code" in error)) return null;
  const reason = refusals[String(error.code)];
  if (reason === undefined) return null;
  const place = "path" in error && typeof error.path === "string" ? error.path : root;
  return new SetupError(
    `Set-up cannot write ${place}: ${reason}. It needs a writable checkout with 2.5 GB of free space: fix that, or clone it elsewhere.`,
  );
}

/**
 * @param {string} root
 * @param {readonly string[]} extras
 */
async function setUp(root, extras) {
  const onWait = (/** @type {{ pid: number }} */ { pid }) =>
    process.stderr.write(
      `Another set-up of this checkout is running (process ${pid}); waiting for it …\n`,
    );
  const lock = await takeSetupLock(root, onWait, wasInterrupted);
  if (lock === null) return;
  try {
    // One after the other: each uses the whole machine, and the Python part is the long one.
    for (const part of [
      () => ensureNodePackages(root, lock.setChild),
      () => ensureBuilt(root),
      () => ensurePythonPackages(root, [...extras, ...machineExtras()], lock.setChild),
    ]) {
      if (!wasInterrupted()) await part();
    }
  } finally {
    lock.release();
  }
}
