/**
 * A journal as views read it: every event's figures at once, its per-episode arrays when they are
 * looked at. A run of 10,000 steps has a journal of a hundred megabytes; a view holds a few.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { recordError } from "../system/record-error.js";
import type { JournalEntry } from "./event-head.js";
import type { JournalEvent } from "./events.js";
import { GrowingLines } from "./growing-lines.js";
import { headOf, wholeEvent } from "./head.js";
import { journalFile } from "./line.js";

/** Reads a journal that may grow. */
export class JournalIndex {
  readonly #path: string;
  readonly #lines: GrowingLines;

  /** @param run the run folder */
  constructor(run: string) {
    this.#path = join(run, journalFile);
    this.#lines = new GrowingLines(this.#path);
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#lines.offset;
  }

  /**
   * The events that were written since the last call, a chunk at a time, so that a caller can draw
   * in between.
   *
   * @throws {RecordError} the file cannot be read; a line that is no event
   */
  read(): Generator<JournalEntry[]> {
    return this.#lines.read((line, offset) => ({
      head: headOf(line),
      offset,
      length: line.length,
    }));
  }

  /** One event in full, as its line has it. @throws {RecordError} */
  event({ offset, length }: Pick<JournalEntry, "offset" | "length">): JournalEvent {
    return this.#lines.parsed(this.#lineAt(offset, length), offset, wholeEvent);
  }

  #lineAt(offset: number, length: number): Buffer {
    const line = Buffer.alloc(length);
    try {
      const handle = openSync(this.#path, "r");
      try {
        return line.subarray(0, readSync(handle, line, 0, length, offset));
      } finally {
        closeSync(handle);
      }
    } catch (error) {
      throw recordError(`cannot read ${this.#path}`, error);
    }
  }
}
