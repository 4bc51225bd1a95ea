/**
 * A journal as views read it: every event's figures at once, its per-episode arrays when they are
 * looked at. A run of 10,000 steps has a journal of a hundred megabytes; a view holds a few.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { JournalEntry } from "../experiment/event-head.js";
import type { JournalEvent } from "../experiment/events.js";
import { headOf, wholeEvent } from "./journal-head.js";
import { RecordError, recordError } from "./record-error.js";
import { runFiles } from "./run-paths.js";

const chunkBytes = 4 << 20;
const lineFeed = 10;

/** Reads a journal that may grow. Damage is `averse verify`'s to find: here lines are read fast. */
export class JournalIndex {
  readonly #path: string;
  #offset = 0;

  /** @param run the run folder */
  constructor(run: string) {
    this.#path = join(run, runFiles.journal);
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * The whole lines that were written since the last call, a chunk at a time, so that a caller can
   * draw in between.
   *
   * @throws {RecordError} the file cannot be read; a line that is no event
   */
  *read(): Generator<JournalEntry[]> {
    const handle = this.#open();
    try {
      const { size } = fstatSync(handle);
      let buffer = Buffer.alloc(Math.max(0, Math.min(chunkBytes, size - this.#offset)));
      while (this.#offset < size) {
        const count = readSync(handle, buffer, 0, buffer.length, this.#offset);
        if (count === 0) {
          // Shorter than it was: a torn last line was cut off just now.
          return;
        }
        const end = buffer.lastIndexOf(lineFeed, count - 1);
        if (end < 0) {
          if (this.#offset + count >= size) {
            // The last line is still being written.
            return;
          }
          buffer = Buffer.alloc(buffer.length * 2);
          continue;
        }
        yield this.#entriesOf(buffer.subarray(0, end + 1));
      }
    } finally {
      closeSync(handle);
    }
  }

  /** One event in full, as its line has it. @throws {RecordError} */
  event({ offset, length }: Pick<JournalEntry, "offset" | "length">): JournalEvent {
    const handle = this.#open();
    try {
      const buffer = Buffer.alloc(length);
      const count = readSync(handle, buffer, 0, length, offset);
      return this.#parsed(offset, () => wholeEvent(buffer.subarray(0, count)));
    } finally {
      closeSync(handle);
    }
  }

  #open(): number {
    try {
      return openSync(this.#path, "r");
    } catch (error) {
      throw recordError(`cannot read ${this.#path}`, error);
    }
  }

  #parsed<T>(offset: number, parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      const what = `${this.#path}: the line at byte ${offset} is no event`;
      throw new RecordError("damaged", `${what}; \`averse verify\` says more`, { cause });
    }
  }

  #entriesOf(bytes: Buffer): JournalEntry[] {
    const entries: JournalEntry[] = [];
    for (let from = 0; from < bytes.length; ) {
      const to = bytes.indexOf(lineFeed, from);
      const line = bytes.subarray(from, to);
      entries.push({
        head: this.#parsed(this.#offset, () => headOf(line)),
        offset: this.#offset,
        length: to - from,
      });
      this.#offset += to + 1 - from;
      from = to + 1;
    }
    return entries;
  }
}
