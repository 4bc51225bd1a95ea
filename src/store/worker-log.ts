/**
 * The log of a trial's workers, bounded: its beginning and its end are kept.
 *
 *     logs/<trial>.first.log     the first part, as soon as there is a second
 *     logs/<trial>.previous.log  the part before the newest
 *     logs/<trial>.log           the newest
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeFolder } from "../system/durable-files.js";
import { recordError } from "../system/record-error.js";
import { runFiles } from "./paths.js";

/** Of one part, in bytes: a log takes three of them at most, and a line over. */
const MAX_PART = 4 * 2 ** 20;

/** The newest part. @param run folder of the run */
export function workerLogFile(run: string, trial: string): string {
  return join(run, runFiles.logs, `${trial}.log`);
}

export class WorkerLog {
  #handle: number | null = null;
  #bytes = 0;
  /** In bytes; of this controller's time. */
  #leftOut = 0;
  #failed = false;

  /**
   * @param path of the newest part; what is there already is written on
   * @param warn told once of what keeps the log from being written
   * @param maxPart bytes
   */
  constructor(
    private readonly path: string,
    private readonly warn: (text: string) => void,
    private readonly maxPart = MAX_PART,
  ) {}

  /** Never throws: a run can do without its workers' words. */
  write(text: string): void {
    try {
      this.#open();
      const bytes = Buffer.from(text);
      if (this.#bytes > 0 && this.#bytes + bytes.length > this.maxPart) {
        this.#turn();
      }
      this.#append(bytes);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) {
        this.#failed = true;
        this.warn(`its log cannot be written: ${recordError(this.path, error).message}`);
      }
    }
  }

  close(): void {
    if (this.#handle !== null) {
      closeSync(this.#handle);
      this.#handle = null;
    }
  }

  /** Somebody may have removed the file, or its folder, since the last line. */
  #open(): void {
    if (this.#handle !== null && fstatSync(this.#handle).nlink > 0) {
      return;
    }
    this.close();
    makeFolder(dirname(this.path));
    this.#handle = openSync(this.path, "a");
    this.#bytes = fstatSync(this.#handle).size;
  }

  #append(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(this.#handle!, bytes, written);
    }
    this.#bytes += bytes.length;
  }

  /** The newest part makes room for another. */
  #turn(): void {
    const [first, previous] = (["first", "previous"] as const).map((part) =>
      this.path.replace(/(\.log)?$/, `.${part}.log`),
    ) as [string, string];
    this.close();
    let said = `what came before is in ${basename(first)}`;
    if (existsSync(first)) {
      this.#leftOut += statSync(previous, { throwIfNoEntry: false })?.size ?? 0;
      renameSync(this.path, previous);
      said += ` and ${basename(previous)}`;
      if (this.#leftOut > 0) {
        said += `; between these two, ${this.#leftOut} bytes or more were left out`;
      }
    } else {
      renameSync(this.path, first);
    }
    this.#open();
    this.#append(Buffer.from(`averse: ${said}\n`));
  }
}

/**
 * The lines at the end of a log, as many as begin within so many bytes.
 *
 * @throws {Error} of the file system
 */
export function lastLines(path: string, bytes: number): string[] {
  const handle = openSync(path, "r");
  try {
    const { size } = fstatSync(handle);
    const part = Buffer.alloc(Math.min(size, bytes));
    const read = readSync(handle, part, 0, part.length, size - part.length);
    const lines = part.toString("utf8", 0, read).split("\n");
    // The first is torn where it begins before the part; after the last line feed comes nothing.
    return lines.slice(size > bytes ? 1 : 0, lines.at(-1) === "" ? -1 : undefined);
  } finally {
    closeSync(handle);
  }
}
