/** Workers for a run's trials, each with a log of its own in the run folder. */
import type { Devices } from "../../engine/plan.js";
import type { Ports, SpareWorkers } from "../../engine/ports.js";
import { WorkerLog, workerLogFile } from "../../store/worker-log.js";
import { safeText } from "../../text/safe-text.js";
import { type Worker, WorkerLost } from "../../worker/contract.js";
import { openSession } from "../../worker/session.js";
import type { WorkerSpec } from "../../worker/spec.js";
import { packageRoot } from "../machine/package.js";

/** A trial whose own worker waits in a cluster's queue, while another's may become free. */
interface Queued {
  take(worker: Worker): void;
}

/** Whom a worker serves: what it says goes to that trial's log, or waits for the next trial's. */
interface Service {
  trial: string | null;
  readonly said: string[];
}

export class WorkerOpener implements SpareWorkers {
  /** One per trial: a worker that takes the place of a lost one writes on below it. */
  readonly #logs = new Map<string, WorkerLog>();
  readonly #services = new Map<Worker, Service>();
  /** Without a trial, the last that was given back first. */
  #spares: Worker[] = [];
  /** Oldest first. */
  readonly #queued = new Set<Queued>();

  /**
   * @param run folder of the run, absolute
   * @param artifacts folder of artifacts, absolute
   * @param warn gets what a worker says out of turn
   * @param save asks for a checkpoint; returns why there is none to make, or null
   */
  constructor(
    private readonly spec: WorkerSpec,
    private readonly run: string,
    private readonly artifacts: string,
    private readonly warn: (text: string) => void,
    private readonly save: () => string | null,
  ) {}

  readonly open: Ports["openWorker"] = async (trial, abandon, waiting) => {
    const spare = await this.#spareFor(trial);
    if (spare === null) return this.#startOrInherit(trial, abandon, waiting);
    if (!abandon.aborted) return spare;
    await spare.close();
    throw abandon.reason;
  };

  giveBack(worker: Worker): void {
    const [next] = this.#queued;
    if (next !== undefined) {
      // As a spare it would keep the place that the trial waits for.
      this.#queued.delete(next);
      next.take(worker);
      return;
    }
    // What it says until it has another trial stands in the log of the one that it served.
    this.#spares.push(worker);
  }

  async closeSpares(): Promise<void> {
    await Promise.all(this.#spares.splice(0).map((worker) => worker.close()));
  }

  /**
   * Starts a worker, asks it for its devices, and keeps it for the first trial that needs one.
   *
   * @throws {WorkerLost} {WorkerFailure} {EnvironmentError} it cannot be had, or cannot answer
   */
  async devices(abandon: AbortSignal): Promise<Devices> {
    const worker = await this.#start({ trial: null, said: [] }, abandon, (state) =>
      this.warn(`waiting for a worker: ${safeText(state)}`),
    );
    const giveUp = () => void worker.close();
    abandon.addEventListener("abort", giveUp, { once: true });
    try {
      const devices = await worker.call("devices", {});
      this.#spares.push(worker);
      return devices;
    } catch (error) {
      await worker.close();
      throw error;
    } finally {
      abandon.removeEventListener("abort", giveUp);
    }
  }

  /** The newest spare that still answers; null: there is none. */
  async #spareFor(trial: string): Promise<Worker | null> {
    for (let worker = this.#spares.pop(); worker !== undefined; worker = this.#spares.pop()) {
      if (await this.#serves(worker, trial)) return worker;
    }
    return null;
  }

  /** @returns false: it went while nobody needed it, and another is to take its place */
  async #serves(worker: Worker, trial: string): Promise<boolean> {
    const service = this.#services.get(worker)!;
    service.trial = trial;
    const log = this.#logOf(trial);
    for (const text of service.said.splice(0)) log.write(text);
    try {
      await worker.call("ping", {});
      return true;
    } catch (error) {
      if (!(error instanceof WorkerLost)) throw error;
      await worker.close();
      return false;
    }
  }

  /**
   * A worker of the trial's own, or, while that waits in a cluster's queue, the first that another trial gives
   * back: then the own one leaves the queue.
   */
  async #startOrInherit(
    trial: string,
    abandon: AbortSignal,
    waiting: (state: string) => void,
  ): Promise<Worker> {
    const enough = new AbortController();
    let inherited: Worker | null = null;
    const queued: Queued = {
      take: (worker) => {
        inherited = worker;
        enough.abort();
      },
    };
    const signal = AbortSignal.any([abandon, enough.signal]);
    let started: Worker | null = null;
    try {
      started = await this.#start({ trial, said: [] }, signal, (state) => {
        if (inherited === null) {
          const spare = this.#spares.pop();
          if (spare === undefined) this.#queued.add(queued);
          else queued.take(spare);
        }
        waiting(state);
      });
    } catch (error) {
      if (inherited === null) throw error;
    } finally {
      this.#queued.delete(queued);
    }
    const given = inherited as Worker | null;
    if (given === null) return started!;
    if (started !== null) {
      // Both at the same moment.
      this.giveBack(given);
      return started;
    }
    if (abandon.aborted) {
      await given.close();
      throw abandon.reason;
    }
    return (await this.#serves(given, trial)) ? given : this.open(trial, abandon, waiting);
  }

  async #start(
    service: Service,
    abandon: AbortSignal,
    waiting: (state: string) => void,
  ): Promise<Worker> {
    if (service.trial !== null) this.#logOf(service.trial);
    const worker = await openSession(this.spec, {
      root: packageRoot,
      shared: [this.run, this.artifacts],
      log: {
        write: (text) => {
          if (service.trial === null) service.said.push(text);
          else this.#logOf(service.trial).write(text);
        },
      },
      signal: abandon,
      onWaiting: waiting,
      onDeadline: () => this.#saveBefore(service.trial),
      onBrokenCopy: (text) => this.warn(`${service.trial ?? "a worker"}: ${text}`),
      onProtocolFault: (text) => this.warn(`${service.trial ?? "a worker"}: ${text}`),
    });
    this.#services.set(worker, service);
    return worker;
  }

  #saveBefore(trial: string | null): void {
    if (trial === null) return;
    const refused = this.save();
    const done = refused === null ? "a checkpoint is made" : `no checkpoint is made: ${refused}`;
    this.warn(`${trial}: the job of its worker ends soon; ${done}`);
  }

  #logOf(trial: string): WorkerLog {
    const known = this.#logs.get(trial);
    if (known !== undefined) return known;
    const log = new WorkerLog(workerLogFile(this.run, trial), (text) =>
      this.warn(`${trial}: ${text}`),
    );
    // There from the start, also where a worker says nothing.
    log.write("");
    this.#logs.set(trial, log);
    return log;
  }
}
