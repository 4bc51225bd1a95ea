/** A folder for the report of something else than one run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runFiles } from "../store/paths.js";
import { makeFolder, writeDurably } from "../system/durable-files.js";
import { UserError } from "./failure-text.js";
import { writing } from "./writable-place.js";

/**
 * @param option that named it
 * @throws {UserError} it is the folder of a run
 */
export function refuseRunFolder(folder: string, option: "--report" | "--out"): void {
  if (existsSync(join(folder, runFiles.manifest))) {
    throw new UserError(`${option} ${folder}: the folder of a run, whose own report it holds.`);
  }
}

/**
 * Makes the folder where it is missing.
 *
 * @param option that named it
 * @param others files beside the report: name → text
 * @returns paths of what was written
 */
export function writeReportFolder(
  folder: string,
  option: "--report" | "--out",
  { html, markdown }: { readonly html: string; readonly markdown: string },
  others: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const files = { [runFiles.reportHtml]: html, [runFiles.reportMarkdown]: markdown, ...others };
  return writing(`Choose a writable folder with ${option}.`, () => {
    makeFolder(folder);
    return Object.entries(files).map(([name, text]) => {
      const path = join(folder, name);
      writeDurably(path, text);
      return path;
    });
  });
}
