/**
 * `--detach`: the same command once more, in a session of its own, so that it outlives the terminal.
 * The parent waits until the run's folder is there, or until the run is refused.
 *
 * The child writes to a file from its first word on. That of a new run waits beside the run folder
 * until there is one, and then becomes `logs/controller.log` in it.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runFiles } from "../../store/paths.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { makeFileForRun, runWord } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

/** Tells the child where its output goes; taken out of its environment at once. */
const variable = "AVERSE_DETACHED_LOG";

export interface DetachOptions {
  /** Arguments after the program's name; the child gets the same. */
  readonly argv: readonly string[];
  readonly json: boolean;
}

/** Relative to the run folder. */
const logFile = join(runFiles.logs, "controller.log");

/** Where a detached run's output is kept. */
export function controllerLog(folder: string): string {
  return join(folder, logFile);
}

/**
 * Output of a run whose folder is not there yet.
 *
 * @param parent folder that it will be made in
 * @param option with which the user can name another
 * @throws {UserError} no run can be made there
 */
export function logOfNewRun(parent: string, option: "--runs" | "--run-dir"): string {
  const log = join(parent, `.starting-${randomUUID()}.log`);
  makeFileForRun(parent, log, option);
  return log;
}

type Started =
  | { readonly ok: true; readonly folder: string; readonly pid: number }
  | {
      readonly ok: false;
      /** What it would have ended with in the foreground. */
      readonly exit: ExitCode;
      /** What it said. */
      readonly words: string;
    };

/** Starts the command anew, detached, and tells of the run that it makes. */
export async function detach(
  log: string,
  { argv, json }: DetachOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const started = await startDetached(log, argv);
  if (!started.ok) {
    if (started.words !== "") terminal.err(started.words);
    return started.exit;
  }
  const { folder, pid } = started;
  const facts = { type: "detached", run: folder, id: basename(folder), pid };
  terminal.out(json ? JSON.stringify(facts) : startedText(folder));
  return exitCode.done;
}

/**
 * Settles as soon as the run's folder is there, or the run is refused. A signal to this process
 * meanwhile is the child's.
 *
 * @param log where its output goes until there is a run folder, or for good
 * @param argv arguments after the program's name, `--detach` among them
 */
async function startDetached(log: string, argv: readonly string[]): Promise<Started> {
  const handle = openSync(log, "a");
  const before = readFileSync(log).length;
  const main = fileURLToPath(new URL("../../main.js", import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, main, ...argv], {
    detached: true,
    stdio: ["ignore", handle, handle, "ipc"],
    env: { ...process.env, [variable]: log },
  });
  closeSync(handle);
  const pass = () => void child.kill("SIGTERM");
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, pass);
  try {
    const folder = await new Promise<string | null>((resolve, reject) => {
      child.once("message", (message) => resolve(String(message)));
      child.once("exit", () => resolve(null));
      child.once("error", reject);
    });
    if (folder !== null) {
      child.disconnect();
      child.unref();
      return { ok: true, folder, pid: child.pid! };
    }
    const words = readFileSync(log).subarray(before).toString("utf8").trimEnd();
    if (!log.endsWith(logFile)) rmSync(log, { force: true });
    return { ok: false, exit: codeOf(child.exitCode, child.signalCode), words };
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}

function startedText(folder: string): string {
  const run = runWord(folder);
  return [
    `${basename(folder)} runs in the background: ${folder}`,
    `\`averse attach ${run}\` shows it, \`averse stop ${run}\` stops it after the current iterations.`,
  ].join("\n");
}

function codeOf(code: number | null, signal: NodeJS.Signals | null): ExitCode {
  const known = Object.values(exitCode).find((one) => one === code);
  if (known !== undefined) return known;
  return signal === "SIGTERM" ? exitCode.interrupted : exitCode.environment;
}

/** In the child: what it owes its parent. */
export interface Detachment {
  /** The run folder exists: the log moves in, and the parent is informed. */
  arrive(folder: string): void;
}

/** Null: this process was not started by `detach`. Later calls, and children, get null. */
export function takeDetachment(): Detachment | null {
  const log = process.env[variable];
  delete process.env[variable];
  if (log === undefined) return null;
  return {
    arrive: (folder) => {
      const place = controllerLog(folder);
      try {
        if (log !== place) renameSync(log, place);
      } catch {
        // It stays where it is, and the run continues.
      }
      // The parent may be gone by now: that is its user's choice.
      process.send?.(folder, undefined, undefined, () => {
        if (process.connected) process.disconnect();
      });
    },
  };
}
