/**
 * A journal at a glance, for lists of runs: how far each trial is, and what the user asked for. Of
 * lines that make up nearly all of it only the first bytes are looked at, and what was read once is
 * not read again.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { EventHead } from "../experiment/event-head.js";
import { headOf } from "./journal-head.js";
import { RecordError, recordError } from "./record-error.js";

export interface TrialGlance {
  readonly status: "waiting" | "running" | "done" | "failed" | "interrupted";
  /** M; 0 for base and sft; null: it has not started. */
  readonly iterations: number | null;
  /** Iterations done. */
  readonly step: number;
  /** Seconds from step to step, of the last few; null: too few. */
  readonly pace: number | null;
}

interface Trace extends Omit<TrialGlance, "pace"> {
  /** When the last few steps were done, in milliseconds since 1970. */
  readonly times: readonly number[];
}

const chunkBytes = 4 << 20;
const lineFeed = 10;
/** Holds sequence number, time, trial, type and step of any line. */
const headBytes = 250;
const recentSteps = 20;
const newTrial: Trace = { status: "waiting", iterations: null, step: 0, times: [] };

export class JournalGlance {
  parallel = 1;
  /** What its controller was asked for last, in so far as it has one. */
  state: "running" | "paused" | "stopping" = "running";
  /** Trial of the last step. */
  lastTrial: string | null = null;
  /** Of the last step's returns, at the target α. */
  cvar: number | null = null;
  readonly #traces = new Map<string, Trace>();
  #offset = 0;

  /** @param path of journal.jsonl */
  constructor(private readonly path: string) {}

  /** By id, in the plan's order. */
  get trials(): ReadonlyMap<string, TrialGlance> {
    return new Map(
      [...this.#traces].map(([id, { times, ...trace }]) => [id, { ...trace, pace: paceOf(times) }]),
    );
  }

  /**
   * Takes in the whole lines that were written since the last call.
   *
   * @returns false: the journal is shorter than it was, and must be read anew
   * @throws {RecordError} the file cannot be read; a line that is no event
   */
  read(): boolean {
    let handle: number;
    try {
      handle = openSync(this.path, "r");
    } catch (error) {
      throw recordError(`cannot read ${this.path}`, error);
    }
    try {
      const { size } = fstatSync(handle);
      if (size < this.#offset) return false;
      let buffer = Buffer.alloc(Math.min(chunkBytes, size - this.#offset));
      while (this.#offset < size) {
        const count = readSync(handle, buffer, 0, buffer.length, this.#offset);
        const end = count === 0 ? -1 : buffer.lastIndexOf(lineFeed, count - 1);
        if (end >= 0) {
          this.#takeLines(buffer.subarray(0, end + 1));
        } else if (count < buffer.length || this.#offset + count >= size) {
          // The last line is still being written.
          break;
        } else {
          buffer = Buffer.alloc(buffer.length * 2);
        }
      }
      return true;
    } finally {
      closeSync(handle);
    }
  }

  #takeLines(bytes: Buffer): void {
    let lastStep: Buffer | null = null;
    for (let from = 0; from < bytes.length; ) {
      const to = bytes.indexOf(lineFeed, from);
      const line = bytes.subarray(from, to);
      try {
        if (this.#takeLine(line)) lastStep = line;
        // Of many steps only the last one's figures are looked at, when all else is in.
        if (lastStep !== null && to + 1 === bytes.length) this.#takeFigures(headOf(lastStep));
      } catch (cause) {
        const what = `${this.path}: the line at byte ${this.#offset} is no event`;
        throw new RecordError("damaged", `${what}; \`averse verify\` says more`, { cause });
      }
      this.#offset += to + 1 - from;
      from = to + 1;
    }
  }

  /** @returns whether it is a step */
  #takeLine(line: Buffer): boolean {
    const [, time, trial, step] = stepHead.exec(line.toString("latin1", 0, headBytes)) ?? [];
    if (trial === undefined) {
      this.#takeEvent(headOf(line));
      return false;
    }
    const trace = this.#trace(trial);
    this.#change(trial, {
      step: Number(step) + 1,
      times: [...trace.times.slice(1 - recentSteps), Date.parse(time!)],
    });
    this.lastTrial = trial;
    return true;
  }

  #takeFigures(head: EventHead): void {
    if (head.type === "step") this.cvar = head.cvar;
  }

  #takeEvent(event: EventHead): void {
    switch (event.type) {
      case "run_started":
        this.parallel = event.parallel;
        for (const id of event.trials) this.#change(id, {});
        return;
      case "run_resumed":
        this.parallel = event.parallel;
        this.state = "running";
        for (const [id, from] of Object.entries(event.from)) {
          this.#change(id, { status: "waiting", step: from ?? 0, times: [] });
        }
        return;
      case "paused":
        this.state = "paused";
        return;
      case "continued":
        this.state = "running";
        for (const id of this.#traces.keys()) this.#change(id, { times: [] });
        return;
      case "stop_requested":
        this.state = "stopping";
        return;
    }
    if (event.trial !== null) this.#takeTrialEvent(event, event.trial);
  }

  #takeTrialEvent(event: EventHead, id: string): void {
    switch (event.type) {
      case "trial_started":
        this.#change(id, { status: "running", iterations: event.iterations, times: [] });
        return;
      case "worker_lost":
      case "checkpoint_damaged":
        this.#change(id, { step: event.from ?? 0, times: [] });
        return;
      case "trial_finished":
        this.#change(id, { status: "done" });
        return;
      case "trial_failed":
        this.#change(id, { status: "failed" });
        this.state = "stopping";
        return;
      case "trial_interrupted":
        this.#change(id, { status: "interrupted" });
    }
  }

  #trace(id: string): Trace {
    return this.#traces.get(id) ?? newTrial;
  }

  #change(id: string, changes: Partial<Trace>): void {
    this.#traces.set(id, { ...this.#trace(id), ...changes });
  }
}

/** As the journal's writer orders an event's keys. */
const stepHead = /^\{"seq":\d+,"time":"([^"]+)","trial":"([^"]+)","type":"step","step":(\d+),/;

function paceOf(times: readonly number[]): number | null {
  const [first] = times;
  return first === undefined || times.length < 2
    ? null
    : (times.at(-1)! - first) / 1000 / (times.length - 1);
}
