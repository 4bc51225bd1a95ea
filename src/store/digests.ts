/**
 * digests.json of a checkpoint or model folder: `{"sha256": {file: hex}}` over every other file in
 * it, at any depth, in one form of bytes alone. Its own sha256 stands for the whole folder.
 */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256OfFile } from "../system/sha256.js";
import { readCheckedJson } from "./json-files.js";
import { digestsFile } from "./paths.js";

const digests = z.strictObject({ sha256: z.record(z.string(), z.string()) });

/** @param files name inside the folder, with `/` → sha256 in hex; in any order */
export function digestsText(files: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ sha256: Object.fromEntries(sorted) }, null, 2)}\n`;
}

/**
 * Names of the folder's files at any depth, with `/`; its digest file is not one of them.
 *
 * @throws {RecordError} it cannot be read, or holds something that is neither file nor folder
 */
export function filesIn(folder: string, below = ""): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(join(folder, below), { withFileTypes: true });
  } catch (error) {
    throw recordError(`cannot read ${join(folder, below)}`, error);
  }
  return entries.flatMap((entry) => {
    const name = `${below}${entry.name}`;
    if (entry.isDirectory()) {
      return filesIn(folder, `${name}/`);
    }
    if (!entry.isFile()) {
      const what = `${join(folder, name)} is not a regular file`;
      throw new RecordError("damaged", `${what}: a run folder holds no links or special files`);
    }
    return name === digestsFile ? [] : [name];
  });
}

/**
 * What its digest file says of a complete folder: name inside it → sha256 in hex.
 *
 * @throws {RecordError} it is missing, cannot be read, or is no digest file
 */
export function readDigests(folder: string): Record<string, string> {
  return readCheckedJson(join(folder, digestsFile), digests, "a digest file").sha256;
}

export interface FolderCheck {
  /** What is wrong, each with the file that it is wrong with: its name inside the folder. */
  readonly findings: readonly { readonly file: string; readonly message: string }[];
  /** Read and found as they were written. */
  readonly files: number;
}

/**
 * Reads every file of a complete folder and compares it with what was written.
 *
 * @param digest sha256 that its digest file must have; null: it is taken as it is
 * @param onBytes is called with the bytes of every piece read
 * @throws {RecordError} the folder or a file of it is missing or cannot be read
 */
export async function checkFolder(
  folder: string,
  digest: string | null,
  onBytes: (bytes: number) => void = () => {},
): Promise<FolderCheck> {
  const path = join(folder, digestsFile);
  const own = await sha256OfFile(path, onBytes);
  if (digest !== null && own !== digest) {
    return { findings: [{ file: digestsFile, message: differs(own, digest) }], files: 0 };
  }
  const told = readDigests(folder);
  const there = filesIn(folder);
  const absent = Object.keys(told).filter((name) => !there.includes(name));
  const findings = absent.map((file) => ({ file, message: "it is missing" }));
  for (const file of there) {
    const wanted = Object.hasOwn(told, file) ? told[file] : undefined;
    if (wanted === undefined) {
      findings.push({ file, message: "unexpected file: it has no recorded digest" });
      continue;
    }
    const found = await sha256OfFile(join(folder, file), onBytes);
    if (found !== wanted) {
      findings.push({ file, message: differs(found, wanted) });
    }
  }
  return { findings, files: 1 + Object.keys(told).length - findings.length };
}

/** How a file differs from what was written, in words. */
export function differs(found: string, wanted: string): string {
  return `its sha256 is ${found}; expected ${wanted}: it has changed since it was written`;
}
