/** Marks of what was made from what: a step is skipped only while its mark fits its sources. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @param {readonly string[]} parts
 * @returns {string} sha256, hexadecimal; the parts' borders count
 */
export function fingerprint(parts) {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/**
 * Every file under a folder that has one of the extensions, sorted.
 *
 * @param {string} folder
 * @param {readonly string[]} extensions
 * @returns {string[]} absolute paths
 */
export function filesUnder(folder, extensions) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesUnder(path, extensions);
      return extensions.some((extension) => entry.name.endsWith(extension)) ? [path] : [];
    })
    .sort();
}

/**
 * @param {string} file
 * @returns {unknown} null where there is no readable mark
 */
export function readMark(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

/**
 * Renamed into place, so that a mark is whole or not there.
 *
 * @param {string} file
 * @param {unknown} mark
 */
export function writeMark(file, mark) {
  mkdirSync(dirname(file), { recursive: true });
  const partial = `${file}.${process.pid}.partial`;
  writeFileSync(partial, `${JSON.stringify(mark, null, 2)}\n`);
  renameSync(partial, file);
}
