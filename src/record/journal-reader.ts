/** journal.jsonl, read: line by line, so that a journal of any length costs one line of memory. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { type JournalEvent, journalEvent } from "../experiment/events.js";
import { RecordError, recordError } from "./record-error.js";
import { runFiles } from "./run-paths.js";

/** A line that is no event of this journal. */
export class JournalError extends RecordError {
  constructor(
    readonly path: string,
    /** From 1. */
    readonly line: number,
    /** The last line has no end: its writer died, or is writing it just now. */
    readonly torn: boolean,
    what: string,
    options?: ErrorOptions,
  ) {
    super("damaged", `${path}, line ${line}: ${what}`, options);
  }
}

/**
 * The events of a run, in order.
 *
 * @param run the run folder
 * @throws {JournalError} at the first line that is not JSON, not an event, or out of number; at a
 *   torn last line after all whole lines were given
 * @throws {RecordError} when the file cannot be read
 */
export async function* readJournal(run: string): AsyncGenerator<JournalEvent> {
  const path = join(run, runFiles.journal);
  for await (const { text, number, whole } of linesOf(path)) {
    if (!whole) {
      throw new JournalError(path, number, true, "the line is cut off; the run died writing it");
    }
    yield eventOf(text, path, number);
  }
}

export interface JournalLine {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** It ends with a line feed. */
  readonly whole: boolean;
}

/** @throws {RecordError} when the file cannot be read */
export async function* linesOf(path: string): AsyncGenerator<JournalLine> {
  let rest = "";
  let number = 0;
  try {
    for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
      const lines = (rest + (chunk as string)).split("\n");
      rest = lines.pop()!;
      for (const text of lines) {
        number += 1;
        yield { text, number, whole: true };
      }
    }
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
  if (rest !== "") {
    yield { text: rest, number: number + 1, whole: false };
  }
}

/** @throws {JournalError} */
export function eventOf(text: string, path: string, line: number): JournalEvent {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new JournalError(path, line, false, "not JSON", { cause });
  }
  const result = journalEvent.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue!.path.length > 0 ? `${issue!.path.join(".")}: ` : "";
    throw new JournalError(path, line, false, `not an event: ${where}${issue!.message}`);
  }
  if (result.data.seq !== line) {
    throw new JournalError(
      path,
      line,
      false,
      `event ${result.data.seq} stands where event ${line} belongs`,
    );
  }
  return result.data;
}
