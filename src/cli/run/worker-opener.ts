/** Workers for a run's trials, each with a log of its own in the run folder. */
import { join } from "node:path";
import type { Ports } from "../../engine/ports.js";
import { runFiles } from "../../store/paths.js";
import { WorkerLog } from "../../store/worker-log.js";
import { openSession } from "../../worker/session.js";
import type { WorkerSpec } from "../../worker/spec.js";
import { packageRoot } from "../machine/package.js";

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
  const logs = new Map<string, WorkerLog>();
  const logOf = (trial: string): WorkerLog => {
    const known = logs.get(trial);
    if (known !== undefined) return known;
    const log = new WorkerLog(workerLog(run, trial), (text) => warn(`${trial}: ${text}`));
    // There from the start, also where a worker says nothing.
    log.write("");
    logs.set(trial, log);
    return log;
  };
  return (trial, abandon) =>
    openSession(spec, {
      root: packageRoot,
      log: logOf(trial),
      signal: abandon,
      onProtocolFault: (text) => warn(`${trial}: ${text}`),
    });
}
