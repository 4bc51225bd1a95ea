/**
 * A journal at a glance, for lists of runs: how far each trial is, and what the user asked for. It
 * is read on from where the run's controller saved its progress, what was read once is not read
 * again, and of steps, which make up nearly all of it, only the first bytes are looked at.
 */
import { join } from "node:path";
import type { EventHead } from "../journal/event-head.js";
import { GrowingLines } from "../journal/growing-lines.js";
import { headOf } from "../journal/head.js";
import { runFiles } from "./paths.js";
import { savedProgress, saveProgress } from "./progress-file.js";
import { type ProgressFacts, RunProgress, type StepGlance } from "./run-progress.js";

export class JournalGlance {
  readonly #path: string;
  /** Null: nothing was read yet. */
  #lines: GrowingLines | null = null;
  #progress = new RunProgress();

  /** @param run the run folder */
  constructor(private readonly run: string) {
    this.#path = join(run, runFiles.journal);
  }

  /**
   * Takes in the whole lines that were written since the last call.
   *
   * @throws {RecordError} the file cannot be read; a line that is no event
   */
  read(): ProgressFacts {
    if (this.#lines === null || this.#lines.isCutShort()) {
      const saved = savedProgress(this.run);
      this.#lines = new GrowingLines(this.#path, saved?.bytes);
      this.#progress = saved?.progress ?? new RunProgress();
    }
    for (const events of this.#lines.read(glanceAt)) {
      for (const event of events) this.#progress.take(event);
    }
    return this.#progress.facts;
  }

  /**
   * For other lists to read on from. For the run's controller alone.
   *
   * @throws {RecordError}
   */
  save(): void {
    saveProgress(this.run, { bytes: this.#lines?.offset ?? 0, progress: this.#progress });
  }
}

/** Holds sequence number, time, trial, type, step and CVaR of any step. */
const headBytes = 512;
/** As the journal's writer orders an event's keys. */
const stepHead =
  /^\{"seq":\d+,"time":"([^"]+)","trial":"([^"]+)","type":"step","step":(\d+),[^{]*?"cvar":([^,]+),/;

function glanceAt(line: Buffer): EventHead | StepGlance {
  const found = stepHead.exec(line.toString("latin1", 0, headBytes));
  if (found === null) return headOf(line);
  const [, time, trial, step, cvar] = found;
  return { type: "step", time: time!, trial: trial!, step: Number(step), cvar: Number(cvar) };
}
