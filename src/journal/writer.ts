/**
 * journal.jsonl, written: append-only, one event and its checksum per line, numbered from 1 without gaps, each
 * on disk before the run continues. Events are seconds apart; one fsync each is nothing beside a step.
 */
import { closeSync, constants, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { recordError } from "../system/record-error.js";
import type { EventPayload, JournalEvent } from "./events.js";
import { checksummedLine, noChecksum } from "./line.js";

/** Where a journal ends. */
export interface JournalEnd {
  /** Of the last event; 0: there is none. */
  readonly seq: number;
  /** Stands for the whole journal. */
  readonly checksum: string;
  /** Of the file, up to and with the last whole line. */
  readonly bytes: number;
}

const emptyEnd: JournalEnd = { seq: 0, checksum: noChecksum, bytes: 0 };

export class JournalWriter {
  readonly #handle: number;
  #end: JournalEnd;

  /**
   * @param path of a new journal, which must not exist; or of one that is there, with its end
   * @param now the time of day
   * @throws {RecordError}
   */
  constructor(
    private readonly path: string,
    private readonly now: () => Date,
    end: JournalEnd | null = null,
  ) {
    const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY } = constants;
    try {
      this.#handle = openSync(path, O_WRONLY | O_APPEND | (end === null ? O_CREAT | O_EXCL : 0));
    } catch (error) {
      throw recordError(`cannot ${end === null ? "make" : "open"} ${path}`, error);
    }
    this.#end = end ?? emptyEnd;
  }

  get end(): JournalEnd {
    return this.#end;
  }

  /**
   * @throws {RecordError} when the event is not on disk; the journal is as it was before, and can
   *   be appended to once there is room again
   */
  append(trial: string | null, eventPayload: EventPayload): JournalEvent {
    const { seq, checksum: previous, bytes } = this.#end;
    const stamp = { seq: seq + 1, time: this.now().toISOString(), trial };
    const event: JournalEvent = { ...stamp, ...eventPayload };
    const line = checksummedLine(JSON.stringify(event), previous);
    try {
      for (let written = 0; written < line.bytes.length; ) {
        written += writeSync(this.#handle, line.bytes, written);
      }
      fsyncSync(this.#handle);
    } catch (error) {
      // A part of a line with another line after it would read as damage.
      ftruncateSync(this.#handle, bytes);
      throw recordError(`cannot append to ${this.path}`, error);
    }
    this.#end = { seq: seq + 1, checksum: line.checksum, bytes: bytes + line.bytes.length };
    return event;
  }

  close(): void {
    closeSync(this.#handle);
  }
}
