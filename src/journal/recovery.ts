/** A journal made ready to be appended to, after a writer that died. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync } from "node:fs";
import { join } from "node:path";
import { recordError } from "../system/record-error.js";
import type { JournalEvent } from "./events.js";
import { journalFile, noChecksum } from "./line.js";
import { JournalError, readEntries } from "./reader.js";
import type { JournalEnd } from "./writer.js";

export interface RecoveredJournal {
  readonly end: JournalEnd;
  /** Of a torn last line, now cut off; 0: there was none. */
  readonly cutBytes: number;
}

/**
 * Checks every line, and cuts off a torn last one: its event was never acknowledged.
 *
 * @param run the run folder, locked by the caller
 * @param visit is told of every event, in order
 * @throws {JournalError} a whole line is damaged; nothing was changed
 * @throws {RecordError} the file cannot be read or cut
 */
export async function recoverJournal(
  run: string,
  visit: (event: JournalEvent) => void,
): Promise<RecoveredJournal> {
  let end: JournalEnd = { seq: 0, checksum: noChecksum, bytes: 0 };
  try {
    for await (const entry of readEntries(run)) {
      visit(entry.event);
      end = { seq: entry.event.seq, checksum: entry.checksum, bytes: entry.end };
    }
  } catch (error) {
    if (error instanceof JournalError && error.torn) {
      return { end, cutBytes: cutAfter(join(run, journalFile), end.bytes) };
    }
    throw error;
  }
  return { end, cutBytes: 0 };
}

/** @returns how many bytes are gone, from disk too */
function cutAfter(path: string, bytes: number): number {
  try {
    const handle = openSync(path, "r+");
    try {
      const { size } = fstatSync(handle);
      ftruncateSync(handle, bytes);
      fsyncSync(handle);
      return size - bytes;
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw recordError(`cannot cut the torn last line off ${path}`, error);
  }
}
