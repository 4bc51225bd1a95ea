/** A run that pages look at, folded from its journal while it grows. */
import { setImmediate as turn } from "node:timers/promises";
import { planTrials } from "../config/trials.js";
import { emptyRun, markStopped, type RunModel } from "../run-model/run-model.js";
import { takeEntries, takeProgress } from "../run-model/take-entries.js";
import { safeText } from "../text/safe-text.js";
import type { FollowedRun } from "./web-runs.js";

/** The journal is read this much after it has grown, in milliseconds. */
const readAfter = 100;

export class LiveRun {
  readonly #listeners = new Set<() => void>();
  readonly #unlisten: () => void;
  #model: RunModel;
  #fault: string | null = null;
  #reading: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(readonly source: FollowedRun) {
    const { experiment } = source;
    this.#model = { ...emptyRun(planTrials(experiment)), name: experiment.name };
    this.#unlisten = source.listen({
      journal: () => this.#readSoon(),
      progress: (progress) => {
        this.#model = takeProgress(this.#model, progress, Date.now() / 1000);
        this.#tell();
      },
      closed: () => this.#readSoon(),
    });
  }

  /** As the journal has it, unless no controller goes on with it. */
  get model(): RunModel {
    return this.source.held ? this.#model : markStopped(this.#model);
  }

  /** Why the journal cannot be read; null: it can. Safe to print. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Settles when all that there is has been read. */
  async read(): Promise<void> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  /** @returns takes the listener back */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.#unlisten();
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
    }
    this.source.close();
  }

  #readSoon(): void {
    if (this.#closed) {
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.read();
    }, readAfter);
  }

  /** A long history gives way to other requests in between. */
  async #readAll(): Promise<void> {
    try {
      for (const entries of this.source.read()) {
        this.#model = takeEntries(this.#model, entries);
        await turn();
        if (this.#closed) {
          return;
        }
      }
      this.#fault = null;
    } catch (error) {
      this.#fault = safeText(error instanceof Error ? error.message : String(error));
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) {
      listener();
    }
  }
}

/** One model per run, however many pages look at it. */
export class LiveRuns {
  readonly #open = new Map<string, { readonly live: Promise<LiveRun>; pages: number }>();

  constructor(private readonly open: (id: string) => Promise<FollowedRun>) {}

  /**
   * @returns the run, read to its end, and what lets it go
   * @throws {Error} its record is damaged
   */
  async join(id: string): Promise<{ readonly live: LiveRun; readonly leave: () => void }> {
    const known = this.#open.get(id) ?? { live: this.#start(id), pages: 0 };
    this.#open.set(id, known);
    known.pages += 1;
    const leave = (): void => {
      known.pages -= 1;
      if (known.pages === 0) {
        this.#open.delete(id);
        known.live.then(
          (live) => live.close(),
          () => {},
        );
      }
    };
    try {
      return { live: await known.live, leave };
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #start(id: string): Promise<LiveRun> {
    const live = new LiveRun(await this.open(id));
    await live.read();
    return live;
  }
}
