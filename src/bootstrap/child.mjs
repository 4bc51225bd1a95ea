/** Child processes: run to the end with their lines watched, or in the foreground in our place. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
let interrupted = false;

/**
 * @typedef {object} Finished
 * @property {number} code exit status; 128 + signal number where a signal ended it
 * @property {string[]} lines last lines of both streams
 * @property {string[]} stdout last lines of stdout
 * @property {boolean} timedOut
 */

/**
 * Runs a command with its output captured.
 *
 * @param {readonly string[]} argv
 * @param {object} options
 * @param {string} options.cwd
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {(line: string) => void} [options.onLine]
 * @param {(pid: number) => void} [options.onStart]
 * @param {number} [options.keepLines]
 * @param {number} [options.timeoutSeconds]
 * @returns {Promise<Finished>}
 */
export function runCaptured(argv, options) {
  const keep = options.keepLines === undefined ? 40 : options.keepLines;
  const child = start(argv, options.cwd, options.env, ["ignore", "pipe", "pipe"]);
  if (child.pid !== undefined && options.onStart !== undefined) options.onStart(child.pid);
  /** @type {string[]} */
  const lines = [];
  /** @type {string[]} */
  const stdout = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      for (const list of stream === child.stdout ? [lines, stdout] : [lines]) {
        list.push(line);
        if (list.length > keep) list.shift();
      }
      if (options.onLine !== undefined) options.onLine(line);
    });
  }
  let timedOut = false;
  const limit = options.timeoutSeconds;
  const timer =
    limit === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          child.kill("SIGTERM");
          setTimeout(() => child.kill("SIGKILL"), 5000).unref();
        }, limit * 1000);
  return ended(child).then((code) => {
    clearTimeout(timer);
    return { code, lines, stdout, timedOut };
  });
}

/**
 * Runs a command on our own terminal.
 *
 * @param {readonly string[]} argv
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} exit status
 */
export function runInForeground(argv, cwd, env) {
  return ended(start(argv, cwd, env, "inherit"));
}

/**
 * @param {readonly string[]} argv
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv | undefined} env
 * @param {import("node:child_process").StdioOptions} stdio
 */
function start(argv, cwd, env, stdio) {
  const [program, ...rest] = argv;
  if (program === undefined) throw new Error("an empty command");
  const child = spawn(program, rest, { cwd, env: env === undefined ? process.env : env, stdio });
  running.add(child);
  return child;
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number>}
 */
function ended(child) {
  return new Promise((resolve) => {
    child.on("error", (error) => {
      running.delete(child);
      process.stderr.write(`${child.spawnfile}: ${error.message}\n`);
      resolve(127);
    });
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve(code === null ? 128 + (signal === null ? 0 : constants.signals[signal]) : code);
    });
  });
}

/**
 * Passes signals on and stays alive until the child has answered them. A Ctrl-C on a terminal
 * reaches the child twice, from the terminal and from here: `averse` counts two within a quarter
 * of a second as one.
 */
export function forwardSignals() {
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => {
      interrupted = true;
      for (const child of running) child.kill(signal);
    });
  }
}

/** Whether a signal asked this process to end. */
export function wasInterrupted() {
  return interrupted;
}
