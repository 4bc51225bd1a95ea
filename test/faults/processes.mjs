/** The processes of one run, told by a mark in their environment, and the command line's end. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const markName = "AVERSE_TEST_MARK";

/** Of the commands that run now. @type {Set<string>} */
const marks = new Set();

/** Ends every command and what it has started. */
export function endAll() {
  for (const mark of marks) killAll(mark);
}

/** @typedef {{ pid: number, state: string }} Running state: a letter as in ps(1) */

/**
 * Zombies do not count: they are gone, and in a container nobody may be there to bury them.
 *
 * @param {string} mark
 * @returns {Running[]}
 */
export function processesOf(mark) {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const environment = readFileSync(`/proc/${name}/environ`, "utf8").split("\0");
        if (!environment.includes(`${markName}=${mark}`)) return [];
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
        return state === "Z" || state === "X" ? [] : [{ pid: Number(name), state }];
      } catch {
        return []; // gone meanwhile, or another user's
      }
    });
}

/**
 * Waits until no process of the run is left.
 *
 * @param {string} mark
 * @param {number} seconds
 * @returns {Promise<Running[]>} those that stayed; they are killed then
 */
export async function orphans(mark, seconds) {
  const until = Date.now() + 1000 * seconds;
  for (;;) {
    const left = processesOf(mark);
    if (left.length === 0) return left;
    if (Date.now() > until) {
      killAll(mark);
      return left;
    }
    await pause(50);
  }
}

/** @param {string} mark */
export function killAll(mark) {
  for (const { pid } of processesOf(mark)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was on its way out.
    }
  }
}

/**
 * @typedef {object} Ended
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {string} output of both streams
 */

/**
 * @param {readonly string[]} argv
 * @param {object} options
 * @param {string} options.mark
 * @param {string} options.cwd
 * @param {NodeJS.ProcessEnv} options.env
 * @param {number} options.limitSeconds a command that takes longer hangs, and is killed
 * @param {boolean} options.killStopped a stopped process is killed once it is seen: the user's
 *   answer to a controller that does not move
 * @returns {Promise<Ended>}
 */
export async function runCommand(argv, { mark, cwd, env, limitSeconds, killStopped }) {
  const [program, ...args] = /** @type {[string, ...string[]]} */ (argv);
  const child = spawn(program, args, {
    cwd,
    env: { ...env, [markName]: mark },
    stdio: ["ignore", "pipe", "pipe"],
  });
  marks.add(mark);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const limit = setTimeout(() => {
    output += `\n[killed after ${limitSeconds} s]`;
    killAll(mark);
  }, 1000 * limitSeconds);
  const watch = killStopped
    ? setInterval(() => {
        const own = processesOf(mark).find(({ pid }) => pid === child.pid);
        if (own?.state === "T") child.kill("SIGKILL");
      }, 100)
    : undefined;
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // `exit`, not `close`: a worker that outlives its controller holds the pipes.
    child.on("exit", (code, signal) => {
      clearTimeout(limit);
      clearInterval(watch);
      marks.delete(mark);
      setImmediate(() => resolve({ code, signal, output }));
    });
  });
}
