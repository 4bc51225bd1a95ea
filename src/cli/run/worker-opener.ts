/** Workers for a run's trials, each with a log of its own in the run folder. */
import { join } from "node:path";
import type { Devices } from "../../engine/plan.js";
import type { Ports } from "../../engine/ports.js";
import { runFiles } from "../../store/paths.js";
import { WorkerLog } from "../../store/worker-log.js";
import type { Worker } from "../../worker/contract.js";
import { openSession } from "../../worker/session.js";
import type { WorkerSpec } from "../../worker/spec.js";
import { packageRoot } from "../machine/package.js";

export function workerLog(run: string, trial: string): string {
  return join(run, runFiles.logs, `${trial}.log`);
}

/** A worker that was asked something before it has a trial; what it says waits for that trial's log. */
interface Spare {
  readonly worker: Worker;
  readonly trial: { name: string | null };
  readonly said: string[];
}

export class WorkerOpener {
  /** One per trial: a worker that takes the place of a lost one writes on below it. */
  readonly #logs = new Map<string, WorkerLog>();
  #spare: Spare | null = null;

  /** @param warn gets what a worker says out of turn */
  constructor(
    private readonly spec: WorkerSpec,
    private readonly run: string,
    private readonly warn: (text: string) => void,
  ) {}

  readonly open: Ports["openWorker"] = async (trial, abandon) => {
    const spare = this.#spare;
    if (spare === null) return this.#start({ name: trial }, [], abandon);
    this.#spare = null;
    spare.trial.name = trial;
    const log = this.#logOf(trial);
    for (const text of spare.said.splice(0)) log.write(text);
    return spare.worker;
  };

  /**
   * Starts a worker, asks it for its devices, and keeps it for the first trial.
   *
   * @throws {WorkerLost} {WorkerFailure} {EnvironmentError} it cannot be had, or cannot answer
   */
  async devices(abandon: AbortSignal): Promise<Devices> {
    const trial = { name: null };
    const said: string[] = [];
    const worker = await this.#start(trial, said, abandon);
    const giveUp = () => void worker.close();
    abandon.addEventListener("abort", giveUp, { once: true });
    try {
      const devices = await worker.call("devices", {});
      this.#spare = { worker, trial, said };
      return devices;
    } catch (error) {
      await worker.close();
      throw error;
    } finally {
      abandon.removeEventListener("abort", giveUp);
    }
  }

  /** Closes the worker that no trial took. */
  async close(): Promise<void> {
    const spare = this.#spare;
    this.#spare = null;
    await spare?.worker.close();
  }

  #start(trial: Spare["trial"], said: string[], abandon: AbortSignal): Promise<Worker> {
    if (trial.name !== null) this.#logOf(trial.name);
    return openSession(this.spec, {
      root: packageRoot,
      log: {
        write: (text) => {
          if (trial.name === null) said.push(text);
          else this.#logOf(trial.name).write(text);
        },
      },
      signal: abandon,
      onProtocolFault: (text) => this.warn(`${trial.name ?? "a worker"}: ${text}`),
    });
  }

  #logOf(trial: string): WorkerLog {
    const known = this.#logs.get(trial);
    if (known !== undefined) return known;
    const log = new WorkerLog(workerLog(this.run, trial), (text) => this.warn(`${trial}: ${text}`));
    // There from the start, also where a worker says nothing.
    log.write("");
    this.#logs.set(trial, log);
    return log;
  }
}
