/** The small files that a simulated worker saves and exports: one JSON document a folder. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WorkerFailure } from "../worker.js";

/**
 * Writes one file into an existing empty folder.
 *
 * @throws {WorkerFailure} of kind "input": there is no such folder, or it holds something.
 */
export function writeFolder(
  command: "save" | "export",
  folder: string,
  file: string,
  content: object,
): { files: Record<string, string>; bytes: number } {
  if (!existsSync(folder) || readdirSync(folder).length > 0) {
    const text = `'${folder}' is not an existing, empty folder; make one and ask again`;
    throw new WorkerFailure(command, "input", text, null, null);
  }
  const text = `${JSON.stringify(content)}\n`;
  writeFileSync(join(folder, file), text);
  const digest = createHash("sha256").update(text).digest("hex");
  return { files: { [file]: digest }, bytes: Buffer.byteLength(text) };
}

/** @throws {WorkerFailure} of kind "input": it is no folder of a simulated worker. */
export function readFolder(folder: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(join(folder, file), "utf8"));
  } catch (error) {
    const text = `'${folder}' is no checkpoint of a simulated worker: ${(error as Error).message}`;
    throw new WorkerFailure("restore", "input", text, null, null);
  }
}
