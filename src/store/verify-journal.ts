/** A journal checked to its end: every fault, not only the first. */
import { join } from "node:path";
import type { JournalEvent } from "../journal/events.js";
import {
  checksumOf,
  type JournalLine,
  linesOf,
  noChecksum,
  sealLength,
  sealOf,
} from "../journal/line.js";
import { endError, eventOf, JournalError, requireNumber, sealFault } from "../journal/reader.js";
import { runFiles } from "./paths.js";

export interface JournalFault {
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
 * After a fault the check goes on with the next line, so that one changed byte is one fault: the
 * line after it was sealed with the checksum that the changed line has, or should have.
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
  /** What the next line may be sealed with; the first one is the line's own. */
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
    const seal = sealAmong(line, previous);
    previous = seal.next;
    try {
      if (seal.fault !== null) {
        throw new JournalError(path, line.number, false, seal.fault);
      }
      const event = eventOf(line, path);
      requireNumber(event, expected ?? event.seq, line, path);
      expected = event.seq + 1;
      events += 1;
      visit(event, previous[0]!);
    } catch (error) {
      if (!(error instanceof JournalError)) {
        throw error;
      }
      faults.push({ line: error.line, message: error.what });
      expected = null;
    }
  }
  return { events, faults, checksum: previous[0]! };
}

/** @param previous checksums that the line before may have had */
function sealAmong(
  { bytes }: JournalLine,
  previous: readonly string[],
): { fault: string | null; next: readonly string[] } {
  const seal = sealOf(bytes);
  const body = seal?.body ?? bytes.subarray(0, Math.max(0, bytes.length - sealLength));
  const belonging = previous.map((checksum) => checksumOf(body, checksum));
  if (seal === null) {
    return { fault: sealFault(undefined, null), next: belonging };
  }
  return belonging.includes(seal.checksum)
    ? { fault: null, next: [seal.checksum] }
    : { fault: sealFault(seal.checksum, belonging[0]!), next: [seal.checksum, belonging[0]!] };
}
