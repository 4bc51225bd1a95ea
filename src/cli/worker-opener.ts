/** Workers for a run's trials, each with a log of its own in the run folder. */
import { createWriteStream, type WriteStream } from "node:fs";
import { join } from "node:path";
import type { Ports } from "../experiment/ports.js";
import { runFiles } from "../record/run-paths.js";
import { openSession } from "../worker/session.js";
import type { WorkerSpec } from "../worker/spec.js";
import { packageRoot } from "./package-root.js";

export function workerLog(run: string, trial: string): string {
  return join(run, runFiles.logs, `${trial}.log`);
}

/** @param warn gets what a worker says out of turn */
export function workerOpener(
  spec: WorkerSpec,
  run: string,
  warn: (text: string) => void,
): Ports["openWorker"] {
  /** One a trial: a worker that takes the place of a lost one writes on below it. */
  const logs = new Map<string, WriteStream>();
  const logOf = (trial: string): WriteStream => {
    const open = logs.get(trial);
    if (open?.writable) return open;
    const log = createWriteStream(workerLog(run, trial), { flags: "a" });
    log.on("error", (error) => warn(`${trial}: its log cannot be written: ${error.message}`));
    logs.set(trial, log);
    return log;
  };
  return (trial, abandon) => {
    const log = logOf(trial);
    return openSession(spec, {
      root: packageRoot,
      log,
      signal: abandon,
      onProtocolFault: (text) => warn(`${trial}: ${text}`),
    });
  };
}
