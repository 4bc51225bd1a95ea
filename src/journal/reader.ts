/** journal.jsonl, read in full: every line checked before it is an event; and recovered. */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync } from "node:fs";
import { join } from "node:path";
import { recordError } from "../system/record-error.js";
import { firstFault } from "../text/schema-faults.js";
import { type JournalEvent, journalEvent } from "./events.js";
import { JournalError } from "./journal-error.js";
import {
  checksumOf,
  type JournalLine,
  journalFile,
  linesOf,
  noChecksum,
  splitChecksum,
} from "./line.js";
import type { JournalEnd } from "./writer.js";

export interface CheckedEvent {
  readonly event: JournalEvent;
  /** Stands for the journal up to and with this event. */
  readonly checksum: string;
  /** Where its line ends: bytes of the file up to and with its line feed. */
  readonly end: number;
}

/**
 * The events of a run, in order.
 *
 * @param run the run folder
 * @throws {JournalError} at the first line that was changed, is not an event, or is out of number;
 *   at a torn last line after all whole lines were given
 * @throws {RecordError} when the file cannot be read
 */
export async function* readJournal(run: string): AsyncGenerator<JournalEvent> {
  for await (const { event } of readEntries(run)) {
    yield event;
  }
}

/**
 * As `readJournal`, of a run that may continue: a last line that is cut off is a writer at work, or one
 * that died, and the events before it are what there is so far.
 *
 * @throws {RecordError} as `readJournal`, but for a torn last line
 */
export async function* readJournalSoFar(run: string): AsyncGenerator<JournalEvent> {
  try {
    yield* readJournal(run);
  } catch (error) {
    if (!(error instanceof JournalError && error.torn)) throw error;
  }
}

/** As `readJournal`, with what a writer needs to continue after each event. */
export async function* readEntries(run: string): AsyncGenerator<CheckedEvent> {
  const path = join(run, journalFile);
  let previous = noChecksum;
  for await (const line of linesOf(path)) {
    if (!line.whole) {
      throw endError(line, path, previous);
    }
    previous = requireChecksum(line, path, previous);
    const event = eventOf(line, path);
    requireNumber(event, line.number, line, path);
    yield { event, checksum: previous, end: line.end };
  }
}

/**
 * Why the bytes after the last line feed are no line: torn, or a whole line that lost its end to
 * another byte. That one was on disk before the run went on: it is damage and nothing to cut off.
 *
 * @param previous checksum of the line before
 */
export function endError({ bytes, number }: JournalLine, path: string, previous: string) {
  const parts = splitChecksum(bytes.subarray(0, -1));
  return parts !== null && parts.checksum === checksumOf(parts.body, previous)
    ? new JournalError(path, number, false, "its line feed was changed into another byte")
    : new JournalError(
        path,
        number,
        true,
        "the line is cut off: `averse resume` drops it unless the run is done; of a run that is " +
          "done, restore the file from a copy",
      );
}

/**
 * @returns the line's checksum
 * @throws {JournalError}
 */
function requireChecksum({ bytes, number }: JournalLine, path: string, previous: string): string {
  const parts = splitChecksum(bytes);
  const expected = parts === null ? null : checksumOf(parts.body, previous);
  if (parts === null || parts.checksum !== expected) {
    throw new JournalError(path, number, false, checksumFault(parts?.checksum, expected));
  }
  return parts.checksum;
}

/** @param found undefined: no checksum is at the line's end */
export function checksumFault(found: string | undefined, expected: string | null): string {
  return found === undefined
    ? "the line does not end in a checksum: its end was changed"
    : `its checksum is ${found}; expected ${expected}: a byte of it was changed, or a line ` +
        "before it was removed, added or moved";
}

/**
 * The event of a whole line whose checksum was found to be right: what is no event all the same was
 * written so, by another version of the program.
 *
 * @throws {JournalError}
 */
export function eventOf({ bytes, number }: JournalLine, path: string): JournalEvent {
  const parts = splitChecksum(bytes);
  if (parts === null) {
    throw new JournalError(path, number, false, checksumFault(undefined, null));
  }
  let json: unknown;
  try {
    json = JSON.parse(`${parts.body.toString("utf8")}}`);
  } catch (cause) {
    throw new JournalError(path, number, false, "not JSON", { cause });
  }
  const result = journalEvent.safeParse(json);
  if (!result.success) {
    const what =
      `not an event of this version of Averse: ${firstFault(result.error, json)}: ` +
      "use the Averse that wrote it, or run the experiment again";
    throw new JournalError(path, number, false, what, {}, "version");
  }
  return result.data;
}

/** @throws {JournalError} the event has another number than it must have here */
export function requireNumber(
  { seq }: JournalEvent,
  expected: number,
  { number }: JournalLine,
  path: string,
): void {
  if (seq !== expected) {
    const what = `found event ${seq}; expected event ${expected}`;
    throw new JournalError(path, number, false, what);
  }
}

export interface RecoveredJournal {
  readonly end: JournalEnd;
  /** Of a torn last line, now cut off; 0: there was none. */
  readonly cutBytes: number;
}

/**
 * Makes a journal ready to be appended to, after a writer that died: checks every line, and cuts off a torn last one: its event was never acknowledged.
 *
 * @param run the run folder, locked by the caller
 * @param visit is called with every event, in order
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
    throw recordError(`cannot remove the incomplete last line of ${path}`, error);
  }
}
