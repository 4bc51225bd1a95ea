/**
 * The texts of a step's worst episodes, one per line. They are for reading only: no event names them,
 * nothing is computed from them, and a file that is lost or damaged costs a reader those texts.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { EpisodeText } from "../engine/ports.js";
import { makeFolder, writeWhole } from "../system/durable-files.js";
import { textsFile } from "./paths.js";

/** As in the worker's answer, `episodeText` of `protocol/messages.ts`. */
const line = z.strictObject({
  episode: z.int().nonnegative(),
  prompt: z.string(),
  completion: z.string(),
});

/** @throws {RecordError} naming the path */
export function writeTexts(path: string, texts: readonly EpisodeText[]): void {
  if (!existsSync(dirname(path))) {
    makeFolder(dirname(path));
  }
  const lines = texts.map(({ episode, prompt, completion }) =>
    JSON.stringify({ episode, prompt, completion }),
  );
  writeWhole(path, lines.map((text) => `${text}\n`).join(""));
}

/**
 * A step's texts, the worst episode first. Models wrote them: `safeText` before they are shown.
 *
 * @param run the run folder
 * @param step m, as the step's event has it
 * @returns empty: none were kept, or the file is not what was written
 */
export function readTexts(run: string, trial: string, step: number): EpisodeText[] {
  try {
    const lines = readFileSync(join(run, textsFile(trial, step)), "utf8").split("\n");
    // A last line without its end was cut off.
    return lines.pop() === "" ? lines.map((text) => line.parse(JSON.parse(text))) : [];
  } catch {
    return [];
  }
}
