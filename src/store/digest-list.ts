/**
 * Digests of files that no event vouches for, in a list beside them as `sha256sum` writes and
 * checks it: `<sha256>  <name>`, one file per line.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeDurably } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";

/**
 * Writes files and their list, in place of those that were there. Whoever dies meanwhile leaves no
 * list, never a wrong one.
 *
 * @param files name → content, all in one folder
 * @throws {RecordError} naming the path
 */
export function writeWithDigests(
  folder: string,
  list: string,
  files: Readonly<Record<string, string>>,
): void {
  const path = join(folder, list);
  try {
    rmSync(path, { force: true });
  } catch (error) {
    // The file that was to come first: the list is of no matter to whoever wants that.
    throw recordError(`cannot write ${join(folder, Object.keys(files)[0] ?? list)}`, error);
  }
  for (const [name, content] of Object.entries(files)) {
    writeDurably(join(folder, name), content);
  }
  const digests = Object.entries(files).map(
    ([name, content]) => [name, sha256Of(content)] as const,
  );
  writeDurably(path, listText(digests));
}

/**
 * @param path of the list
 * @param names of its files, in its order
 * @param onBytes is told how much was read
 * @returns sha256 of each
 * @throws {RecordError} it cannot be read; `damaged`: it is no list of these files
 */
export function readDigestList(
  path: string,
  names: readonly string[],
  onBytes: (bytes: number) => void,
): string[] {
  let text: string;
  try {
    // A character a byte: one that is no UTF-8 must not pass for another.
    text = readFileSync(path, "latin1");
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
  onBytes(text.length);
  const digests = text.split("\n").map((line) => line.slice(0, sha256Length));
  const whole = text === listText(names.map((name, at) => [name, digests[at] ?? ""]));
  const sound = digests.slice(0, names.length);
  if (!whole || !sound.every((digest) => /^[0-9a-f]{64}$/.test(digest))) {
    const what = `${path} is not a list of the digests of ${names.join(" and ")}`;
    throw new RecordError("damaged", `${what}: it has changed since it was written`);
  }
  return sound;
}

function listText(digests: readonly (readonly [name: string, sha256: string])[]): string {
  return digests.map(([name, sha256]) => `${sha256}  ${name}\n`).join("");
}

const sha256Length = 64;
