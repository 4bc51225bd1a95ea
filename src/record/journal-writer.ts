/**
 * journal.jsonl, written: append-only, one event a line, numbered from 1 without gaps, each on
 * disk before the run goes on. Events are seconds apart; one fsync each is nothing beside a step.
 */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import type { Happening, JournalEvent } from "../experiment/events.js";
import { recordError } from "./record-error.js";

export class JournalWriter {
  readonly #handle: number;
  #seq = 0;

  /**
   * @param path must not exist
   * @param now the time of day
   * @throws {RecordError}
   */
  constructor(
    private readonly path: string,
    private readonly now: () => Date,
  ) {
    try {
      this.#handle = openSync(path, "ax");
    } catch (error) {
      throw recordError(`cannot make ${path}`, error);
    }
  }

  /** @throws {RecordError} when the event is not on disk */
  append(trial: string | null, happening: Happening): JournalEvent {
    const stamp = { seq: this.#seq + 1, time: this.now().toISOString(), trial };
    const event: JournalEvent = { ...stamp, ...happening };
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    try {
      for (let written = 0; written < line.length; ) {
        written += writeSync(this.#handle, line, written);
      }
      fsyncSync(this.#handle);
    } catch (error) {
      throw recordError(`cannot append to ${this.path}`, error);
    }
    this.#seq += 1;
    return event;
  }

  close(): void {
    closeSync(this.#handle);
  }
}
