/** A journal checked to its end: every fault, not only the first. */
import { join } from "node:path";
import type { JournalEvent } from "../journal/events.js";
import { JournalError } from "../journal/journal-error.js";
import {
  checksumLength,
  checksumOf,
  type JournalLine,
  linesOf,
  noChecksum,
  splitChecksum,
} from "../journal/line.js";
import { checksumFault, endError, eventOf, requireNumber } from "../journal/reader.js";
import { runFiles } from "./paths.js";

interface JournalFault {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface JournalCheck {
  /** Sound ones. */
  readonly events: number;
  readonly faults: readonly JournalFault[];
  /** Of the last whole line: stands for the journal, where there are no faults. */
  readonly checksum: string;
}

/**
 * After a fault the check continues with the next line, so that one changed byte is one fault: the
 * line after it was written with the checksum that the changed line has, or should have.
 *
 * @param run the run folder
 * @param running its controller lives: a last line without an end is being written
 * @param visit is told of every sound event
 * @throws {RecordError} the file cannot be read
 */
export async function checkJournal(
  run: string,
  running: boolean,
  visit: (event: JournalEvent, checksum: string) => void,
  onBytes: (bytes: number) => void,
): Promise<JournalCheck> {
  const path = join(run, runFiles.journal);
  const faults: JournalFault[] = [];
  let events = 0;
  /** What the next line's checksum may be of; the first one is the line's own. */
  let previous: readonly string[] = [noChecksum];
  /** Of the next event; null: lines are missing or too many, and any number will do. */
  let expected: number | null = 1;
  for await (const line of linesOf(path)) {
    onBytes(line.bytes.length + (line.whole ? 1 : 0));
    if (!line.whole) {
      if (!running) {
        faults.push({ line: line.number, message: endError(line, path, previous[0]!).what });
      }
      break;
    }
    const parts = checksumAmong(line, previous);
    previous = parts.next;
    try {
      if (parts.fault !== null) {
        throw new JournalError(path, line.number, false, parts.fault);
      }
      const event = eventOf(line, path);
      requireNumber(event, expected ?? event.seq, line, path);
      expected = event.seq + 1;
      events += 1;
      visit(event, previous[0]!);
    } catch (error) {
      if (!(error instanceof JournalError) || error.reason === "version") {
        throw error;
      }
      faults.push({ line: error.line, message: error.what });
      expected = null;
    }
  }
  return { events, faults, checksum: previous[0]! };
}

/** @param previous checksums that the line before may have had */
function checksumAmong(
  { bytes }: JournalLine,
  previous: readonly string[],
): { fault: string | null; next: readonly string[] } {
  const parts = splitChecksum(bytes);
  const body = parts?.body ?? bytes.subarray(0, Math.max(0, bytes.length - checksumLength));
  const belonging = previous.map((checksum) => checksumOf(body, checksum));
  if (parts === null) {
    return { fault: checksumFault(undefined, null), next: belonging };
  }
  return belonging.includes(parts.checksum)
    ? { fault: null, next: [parts.checksum] }
    : {
        fault: checksumFault(parts.checksum, belonging[0]!),
        next: [parts.checksum, belonging[0]!],
      };
}
