/**
 * progress.json: how far a run was at some line of its journal, so that a list of runs reads on from
 * there and starts at once, however long the journal is. Its checksum is that of a journal's next
 * line, so that it holds for this very journal up to that line or not at all. Nothing hangs on it:
 * without it the journal is read from its first line.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { type EventHead, headOf } from "../journal/event-head.js";
import type { JournalEvent } from "../journal/events.js";
import { GrowingLines } from "../journal/journal-index.js";
import { checksumLength, checksummedLine, checksumOf, splitChecksum } from "../journal/line.js";
import type { JournalEnd } from "../journal/writer.js";
import { writeWhole } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { runFiles } from "./paths.js";
import { type ProgressFacts, RunProgress, type StepSummary } from "./run-progress.js";

/** Of what the file holds. */
const version = 2;

/** Keeps progress.json not far behind the journal's end. For the journal's writer. */
export class ProgressFile {
  /** Bytes of the journal when it was last written. */
  #bytes = 0;

  /**
   * @param run the run folder
   * @param progress of the journal's events so far
   * @param every bytes of journal from one writing to the next: what a list has to read
   */
  constructor(
    private readonly run: string,
    private readonly progress: RunProgress,
    private readonly every = 256 << 10,
  ) {}

  /** @param end of the journal, this event in it and on disk */
  take(event: JournalEvent, end: JournalEnd): void {
    this.progress.take(event);
    if (end.bytes - this.#bytes < this.every) return;
    this.#bytes = end.bytes;
    try {
      writeProgress(this.run, this.progress.facts, end);
    } catch (error) {
      // A full disk, say: a list reads on from what was written before, and the run continues.
      if (!(error instanceof RecordError)) throw error;
    }
  }
}

/** @throws {RecordError} it cannot be written */
export function writeProgress(
  run: string,
  facts: ProgressFacts,
  { bytes, checksum }: Pick<JournalEnd, "bytes" | "checksum">,
): void {
  const json = JSON.stringify({ progress: version, bytes, ...facts });
  writeWhole(join(run, runFiles.progress), checksummedLine(json, checksum).bytes.toString());
}

/**
 * A journal in short, for lists of runs: how far each trial is, and what the user asked for. It is
 * read on from where progress.json was written, what was read once is not read again, and of steps,
 * which make up nearly all of it, only the first bytes are looked at.
 */
export class JournalSummary {
  /** Null: nothing was read yet. */
  #lines: GrowingLines | null = null;
  #progress = new RunProgress();

  /** @param run the run folder */
  constructor(private readonly run: string) {}

  /**
   * Takes in the whole lines that were written since the last call.
   *
   * @throws {RecordError} the file cannot be read; a line that is no event
   */
  read(): ProgressFacts {
    if (this.#lines === null || this.#lines.isCutShort()) {
      const saved = savedProgress(this.run);
      this.#lines = new GrowingLines(join(this.run, runFiles.journal), saved?.bytes);
      this.#progress = saved?.progress ?? new RunProgress();
    }
    for (const events of this.#lines.read(summaryOf)) {
      for (const event of events) this.#progress.take(event);
    }
    return this.#progress.facts;
  }
}

/** Holds sequence number, time, trial, type, step and CVaR of any step. */
const headBytes = 512;
/** As the journal's writer orders an event's keys. */
const stepHead =
  /^\{"seq":\d+,"time":"([^"]+)","trial":"([^"]+)","type":"step","step":(\d+),[^{]*?"cvar":([^,]+),/;

function summaryOf(line: Buffer): EventHead | StepSummary {
  const found = stepHead.exec(line.toString("latin1", 0, headBytes));
  if (found === null) return headOf(line);
  const [, time, trial, step, cvar] = found;
  return { type: "step", time: time!, trial: trial!, step: Number(step), cvar: Number(cvar) };
}

interface SavedProgress {
  /** Bytes of the journal, up to and with the last line that is in it. */
  readonly bytes: number;
  readonly progress: RunProgress;
}

/** @returns null: there is none, or none of this journal: one that was cut or changed, say */
function savedProgress(run: string): SavedProgress | null {
  try {
    const line = readFileSync(join(run, runFiles.progress)).subarray(0, -1);
    const parts = splitChecksum(line);
    if (parts === null) return null;
    const { progress, bytes, ...facts } = JSON.parse(`${parts.body.toString("utf8")}}`);
    const previous = progress === version ? checksumAt(run, bytes) : null;
    return previous !== null && checksumOf(parts.body, previous) === parts.checksum
      ? { bytes, progress: new RunProgress(facts) }
      : null;
  } catch {
    // Whatever keeps it from being read, the journal has it all.
    return null;
  }
}

/** Of the journal's line that ends with this byte; null: none does. */
function checksumAt(run: string, bytes: number): string | null {
  const path = join(run, runFiles.journal);
  const end = Buffer.alloc(checksumLength + 1);
  try {
    const handle = openSync(path, "r");
    try {
      const count = readSync(handle, end, 0, end.length, bytes - end.length);
      return count === end.length && end.at(-1) === lineFeed
        ? (splitChecksum(end.subarray(0, -1))?.checksum ?? null)
        : null;
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
}

const lineFeed = 0x0a;
