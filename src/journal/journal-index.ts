/**
 * A journal as views read it while it grows: each line once and no sooner than it is whole, every
 * event's figures at once, its per-episode arrays when they are looked at. A run of 10,000 steps has
 * a journal of a hundred megabytes; a view holds a few. Damage is `averse verify`'s to find: here
 * lines are read fast, and checksums are left alone.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { RecordError, recordError } from "../system/record-error.js";
import { headOf, type JournalEntry, wholeEvent } from "./event-head.js";
import type { JournalEvent } from "./events.js";
import { journalFile } from "./line.js";

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

const chunkBytes = 4 << 20;
const lineFeed = 10;

export class GrowingLines {
  #offset: number;

  /**
   * @param path of journal.jsonl
   * @param from where a line begins, in bytes: what is before it is not read
   */
  constructor(
    private readonly path: string,
    from = 0,
  ) {
    this.#offset = from;
  }

  /** Bytes of the file up to and with the last line read. */
  get offset(): number {
    return this.#offset;
  }

  /** @returns whether lines that were read are gone. @throws {RecordError} */
  isCutShort(): boolean {
    return this.#told(() => statSync(this.path).size) < this.#offset;
  }

  /**
   * The whole lines that were written since the last call, as `parse` reads them, a chunk at a
   * time, so that a caller can draw in between. A line whose parsing throws is met again at the
   * next call.
   *
   * @param parse is given a line without its line feed, which it must not keep, and where it begins
   * @throws {RecordError} the file cannot be read; a line that is no event
   */
  *read<T>(parse: (line: Buffer, offset: number) => T): Generator<T[]> {
    const handle = this.#told(() => openSync(this.path, "r"));
    try {
      const { size } = fstatSync(handle);
      let buffer = Buffer.allocUnsafe(Math.max(0, Math.min(chunkBytes, size - this.#offset)));
      while (this.#offset < size) {
        const count = this.#told(() => readSync(handle, buffer, 0, buffer.length, this.#offset));
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
          buffer = Buffer.allocUnsafe(buffer.length * 2);
          continue;
        }
        yield this.#linesOf(buffer.subarray(0, end + 1), parse);
      }
    } finally {
      closeSync(handle);
    }
  }

  /**
   * What `parse` makes of a line, wherever it was had from.
   *
   * @throws {RecordError} it throws: the line is no event
   */
  parsed<T>(line: Buffer, offset: number, parse: (line: Buffer, offset: number) => T): T {
    try {
      return parse(line, offset);
    } catch (cause) {
      const what = `${this.path}: the line at byte ${offset} is not an event`;
      throw new RecordError("damaged", `${what}; \`averse verify\` says more`, { cause });
    }
  }

  #linesOf<T>(bytes: Buffer, parse: (line: Buffer, offset: number) => T): T[] {
    const lines: T[] = [];
    for (let from = 0; from < bytes.length; ) {
      const to = bytes.indexOf(lineFeed, from);
      lines.push(this.parsed(bytes.subarray(from, to), this.#offset, parse));
      this.#offset += to + 1 - from;
      from = to + 1;
    }
    return lines;
  }

  #told<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw recordError(`cannot read ${this.path}`, error);
    }
  }
}
