/**
 * A line of the journal with its checksum: the event's JSON object with a last key
 *
 *   "checksum": first 32 hex digits of sha256(checksum of the line before + bytes up to this key)
 *
 * So every line vouches for all before it, and the last checksum stands for the whole journal: no
 * byte can change, no line go, come or move, without the next line showing it.
 */

import { createReadStream } from "node:fs";
import { recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";

/** In the run folder. */
export const journalFile = "journal.jsonl";

/** Stands where line 1 would have the checksum of the line before. */
export const noChecksum = "";

const digits = 32;
const key = ',"checksum":"';
/** Bytes from the key to the end of the line, its line feed out. */
export const checksumLength = key.length + digits + '"}'.length;

export interface ChecksummedLine {
  /** With its line feed. */
  readonly bytes: Buffer;
  readonly checksum: string;
}

/** @param json an object with at least one key, as `JSON.stringify` gives it */
export function checksummedLine(json: string, previous: string): ChecksummedLine {
  const body = Buffer.from(json.slice(0, -1));
  const checksum = checksumOf(body, previous);
  return { bytes: Buffer.concat([body, Buffer.from(`${key}${checksum}"}\n`)]), checksum };
}

export interface LineParts {
  /** What it is the checksum of: the object up to its last key, without the closing brace. */
  readonly body: Buffer;
  /** As the line has it. */
  readonly checksum: string;
}

/**
 * @param line without its line feed
 * @returns null where the line does not end in a checksum
 */
export function splitChecksum(line: Buffer): LineParts | null {
  const at = line.length - checksumLength;
  const parts = at < 0 ? null : checksumText.exec(line.toString("latin1", at));
  return parts === null ? null : { body: line.subarray(0, at), checksum: parts[1]! };
}

const checksumText = /^,"checksum":"([0-9a-f]{32})"\}$/;

/** @param previous checksum of the line before */
export function checksumOf(body: Buffer, previous: string): string {
  return sha256Of(previous, body).slice(0, digits);
}

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

/**
 * A file by its lines: one of any length costs one line of memory.
 *
 * @throws {RecordError} when the file cannot be read
 */
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
