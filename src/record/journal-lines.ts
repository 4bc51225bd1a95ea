/** A file by its lines: one of any length costs one line of memory. */
import { createReadStream } from "node:fs";
import { recordError } from "./record-error.js";

export interface JournalLine {
  /** Without its line feed. */
  readonly bytes: Buffer;
  /** From 1. */
  readonly number: number;
  /** Bytes of the file up to and with this line. */
  readonly end: number;
  /** It ends with a line feed. */
  readonly whole: boolean;
}

/** @throws {RecordError} when the file cannot be read */
export async function* linesOf(path: string): AsyncGenerator<JournalLine> {
  let rest: Buffer[] = [];
  let number = 0;
  let end = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
        const bytes = Buffer.concat([...rest, chunk.subarray(from, at)]);
        rest = [];
        from = at + 1;
        number += 1;
        end += bytes.length + 1;
        yield { bytes, number, end, whole: true };
      }
      rest.push(chunk.subarray(from));
    }
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
  const bytes = Buffer.concat(rest);
  if (bytes.length > 0) {
    yield { bytes, number: number + 1, end: end + bytes.length, whole: false };
  }
}

const lineFeed = 0x0a;
