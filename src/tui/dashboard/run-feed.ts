/**
 * A run as its view sees it, from moment to moment: the journal and what is heard of progress, folded
 * into the model. Those who subscribe get a new snapshot as seldom as a reader does not notice.
 */
import { setImmediate as turn } from "node:timers/promises";
import { planTrials } from "../../config/trials.js";
import { emptyRun, isOver, markStopped, type RunModel } from "../../run-model/run-model.js";
import type { RunResults } from "../../run-model/run-results.js";
import { RunGoneError, type RunSource } from "../../run-model/run-source.js";
import { takeEntries, takeProgress } from "../../run-model/take-entries.js";
import { safeText } from "../../text/safe-text.js";
import { StepReader } from "./step-reader.js";

/** Nothing in it changes: what is the same as before is the same object. */
export interface RunSnapshot {
  /** As the journal has it, unless nobody goes on with it. */
  readonly model: RunModel;
  /** The journal has not been read to its end yet. */
  readonly unread: boolean;
  /** Why the journal cannot be read now; null: it can. */
  readonly unreadable: Unreadable | null;
  readonly live: boolean;
  readonly held: boolean;
  /** Seconds since 1970. */
  readonly now: number;
  /** Null: the run is not over. */
  readonly results: RunResults | null;
  /** What the view's caller has to say, the newest; null: nothing. */
  readonly note: { readonly text: string } | null;
}

export interface Unreadable {
  /** There is no folder where the run was. */
  readonly gone: boolean;
  /** Safe to print. */
  readonly message: string;
}

/** Least time between two snapshots of news, in milliseconds. */
const newsMs = 200;
/** News come so seldom that frames take at most this fraction of the time. */
const frameFraction = 0.08;
/** The journal is read this much after it has grown. */
const readMs = 100;
/** Reading ahead takes this long at a time, and pauses as long. */
const sliceMs = 8;
const clockMs = 1000;

export class RunFeed {
  readonly reader: StepReader;
  readonly #listeners = new Set<() => void>();
  readonly #unlisten: () => void;
  readonly #clock: NodeJS.Timeout;
  #snapshot: RunSnapshot;
  #model: RunModel;
  #unread = true;
  #unreadable: Unreadable | null = null;
  #note: RunSnapshot["note"] = null;
  /** `takenUpAt` of the controller that died; null: none has, as far as is known. */
  #leftBy: string | null = null;
  #over = false;
  #reading = false;
  /** The journal has grown since it was last read. */
  #grown = false;
  #readTimer: NodeJS.Timeout | null = null;
  #newsTimer: NodeJS.Timeout | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** What a frame takes, in milliseconds, the newest counting most. */
  #frameCost = 0;
  #isDrawn = true;
  #ahead = false;
  #results: RunResults | null = null;

  /**
   * @param onClosed the run is let go of, and all that it left is in the snapshot
   * @param onFault of what the run tells, or of the clock: the run itself must not fail with its view
   */
  constructor(
    readonly source: RunSource,
    private readonly clock: () => number,
    private readonly onClosed: () => void,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.reader = new StepReader(source);
    this.#model = {
      ...emptyRun(planTrials(source.experiment)),
      name: source.experiment.name,
    };
    this.#snapshot = this.#taken();
    this.#unlisten = source.listen({
      journal: () => this.#safely(() => this.#readSoon()),
      progress: (progress) =>
        this.#safely(() => {
          this.#model = takeProgress(this.#model, progress, this.clock());
          this.#news();
        }),
      closed: () => void this.#closed().catch(this.onFault),
    });
    this.#clock = setInterval(() => this.#safely(() => this.#tick()), clockMs);
    void this.#read().then(() => {
      this.#unread = false;
      if (!source.held) {
        this.#left();
      }
      this.#safely(() => this.#tell());
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): RunSnapshot => this.#snapshot;

  note(text: string): void {
    this.#note = { text: safeText(text) };
    this.#safely(() => this.#tell());
  }

  /** A frame that shows the newest snapshot stands on the screen: what it lacks is read meanwhile. */
  frameDrawn(): void {
    if (!this.#isDrawn) {
      this.#isDrawn = true;
      this.#frameCost = (this.#frameCost + performance.now() - this.#toldAt) / 2;
    }
    if (this.#ahead || this.#over) {
      return;
    }
    this.#ahead = true;
    const slice = (): void =>
      this.#safely(() => {
        const until = performance.now() + sliceMs;
        this.#ahead = !this.#over && this.reader.work(() => performance.now(), until);
        if (this.#ahead) {
          this.#news();
          setTimeout(slice, sliceMs);
        }
      });
    setTimeout(slice, 0);
  }

  close(): void {
    this.#over = true;
    this.#unlisten();
    clearInterval(this.#clock);
    for (const timer of [this.#readTimer, this.#newsTimer]) {
      if (timer !== null) {
        clearTimeout(timer);
      }
    }
  }

  #taken(): RunSnapshot {
    const { live, held } = this.source;
    const { takenUpAt } = this.#model;
    // The next controller goes on with the run, and takes commands, from its first event on.
    const goesOn = held && (takenUpAt === null || takenUpAt !== this.#leftBy);
    const model = this.#unread || goesOn ? this.#model : markStopped(this.#model);
    return {
      model,
      results: this.#resultsOf(model),
      unread: this.#unread,
      unreadable: this.#unreadable,
      live,
      held,
      now: this.clock(),
      note: this.#note,
    };
  }

  /** Read again until all is there: the reports come after the run's last event. */
  #resultsOf(model: RunModel): RunResults | null {
    if (this.#unread || !isOver(model)) {
      this.#results = null;
    } else if (this.#results === null || this.#results.reports.length === 0) {
      this.#results = this.source.results();
    }
    return this.#results;
  }

  /** Tells soon, unless it has just been told. */
  #news(): void {
    if (this.#newsTimer === null && !this.#over) {
      const at = this.#toldAt + Math.max(newsMs, this.#frameCost / frameFraction);
      this.#newsTimer = setTimeout(
        () => this.#safely(() => this.#tell()),
        Math.max(0, at - performance.now()),
      );
    }
  }

  #tell(): void {
    if (this.#newsTimer !== null) {
      clearTimeout(this.#newsTimer);
      this.#newsTimer = null;
    }
    if (!this.#over) {
      this.#snapshot = this.#taken();
      this.#toldAt = performance.now();
      this.#isDrawn = false;
      for (const listener of [...this.#listeners]) {
        listener();
      }
    }
  }

  #tick(): void {
    this.#news();
    if (!isOver(this.#snapshot.model) || this.#unreadable !== null) {
      // Nobody tells that the folder has gone, or is back, or grows by another machine's hand.
      this.#readSoon();
    }
  }

  #readSoon(): void {
    this.#grown = true;
    if (this.#readTimer === null && !this.#over) {
      this.#readTimer = setTimeout(() => {
        this.#readTimer = null;
        void this.#read();
      }, readMs);
    }
  }

  /** All that is there; tells in between, for a long history takes a while. */
  async #read(): Promise<void> {
    this.#grown = true;
    if (this.#reading) {
      return;
    }
    this.#reading = true;
    let why: Unreadable | null = null;
    try {
      while (this.#grown && !this.#over) {
        this.#grown = false;
        for (const entries of this.source.read()) {
          const first = this.#model.lastAt === null;
          this.#model = takeEntries(this.#model, entries);
          if (first) {
            this.#tell();
          } else {
            this.#news();
          }
          await turn();
          if (this.#over) {
            break;
          }
        }
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      why = { gone: error instanceof RunGoneError, message: safeText(message) };
    } finally {
      this.#reading = false;
    }
    if (why?.message !== this.#unreadable?.message) {
      this.#unreadable = why;
      this.#safely(() => this.#tell());
    }
  }

  async #closed(): Promise<void> {
    const { held } = this.source;
    while (this.#reading) {
      await turn();
    }
    await this.#read();
    if (!held && this.#unreadable === null) {
      this.#left();
    }
    this.#tell();
    this.onClosed();
  }

  /** All that its last controller wrote has been read. */
  #left(): void {
    this.#leftBy = this.#model.takenUpAt;
  }

  #safely(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.onFault(error);
    }
  }
}
