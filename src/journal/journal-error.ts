/** What reading a journal throws; apart from the reader, so that messages need no schema library. */
import { RecordError } from "../system/record-error.js";

/** A line that is no event of this journal. */
export class JournalError extends RecordError {
  constructor(
    readonly path: string,
    /** From 1. */
    readonly line: number,
    /** The last line has no end: its writer died, or is writing it just now. */
    readonly torn: boolean,
    /** Without the place. */
    readonly what: string,
    options?: ErrorOptions,
    reason: "damaged" | "version" = "damaged",
  ) {
    super(reason, `${path}, line ${line}: ${what}`, options);
  }
}
