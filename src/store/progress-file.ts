/**
 * progress.json: how far a run was at some line of its journal, so that a list of runs reads on from
 * there and starts at once, however long the journal is. Sealed as the journal's next line would
 * be, it holds for this very journal up to that line or not at all. Nothing hangs on it: without it
 * the journal is read from its first line.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { checksumOf, sealedLine, sealLength, sealOf } from "../journal/line.js";
import { writeWhole } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { runFiles } from "./paths.js";
import { RunProgress } from "./run-progress.js";

export interface SavedProgress {
  /** Bytes of the journal, up to and with the last line that is in it. */
  readonly bytes: number;
  readonly progress: RunProgress;
}

/** Of what the file holds. */
const version = 1;

/**
 * @param run the run folder
 * @throws {RecordError} it cannot be written, or the journal has no line that ends there
 */
export function saveProgress(run: string, { bytes, progress }: SavedProgress): void {
  const previous = checksumAt(run, bytes);
  if (previous === null) {
    const path = join(run, runFiles.journal);
    throw new RecordError("damaged", `${path}: no line ends at byte ${bytes}`);
  }
  const json = JSON.stringify({ progress: version, bytes, ...progress.facts });
  writeWhole(join(run, runFiles.progress), sealedLine(json, previous).bytes.toString());
}

/** @returns null: there is none, or none of this journal: one that was cut or changed, say */
export function savedProgress(run: string): SavedProgress | null {
  try {
    const line = readFileSync(join(run, runFiles.progress)).subarray(0, -1);
    const seal = sealOf(line);
    if (seal === null) return null;
    const { progress, bytes, ...facts } = JSON.parse(`${seal.body.toString("utf8")}}`);
    const previous = progress === version ? checksumAt(run, bytes) : null;
    return previous !== null && checksumOf(seal.body, previous) === seal.checksum
      ? { bytes, progress: new RunProgress(facts) }
      : null;
  } catch {
    // Whatever keeps it from being read, the journal has it all.
    return null;
  }
}

/** Of the journal's line that ends with this byte; null: none does. */
function checksumAt(run: string, bytes: number): string | null {
  const path = join(run, runFiles.journal);
  const end = Buffer.alloc(sealLength + 1);
  try {
    const handle = openSync(path, "r");
    try {
      const count = readSync(handle, end, 0, end.length, bytes - end.length);
      return count === end.length && end.at(-1) === lineFeed
        ? (sealOf(end.subarray(0, -1))?.checksum ?? null)
        : null;
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
}

const lineFeed = 0x0a;
