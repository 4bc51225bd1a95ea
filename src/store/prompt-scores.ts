/**
 * Scores of prompts that a run's workers computed, so that no load computes them again: a file per
 * `scores_digest`, which stands for all that they follow from. Nothing else names these files; one
 * that is lost costs time.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { PromptScores } from "../engine/ports.js";
import { float32Array, float32Bytes } from "../protocol/arrays.js";
import { makeFolder, writeDurably } from "../system/durable-files.js";
import { RecordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";

import { readCheckedJson } from "./json-files.js";
import { promptScoresFile } from "./paths.js";

const file = z.strictObject({
  /** sha256 of `components` as they stand here. */
  sha256: z.string(),
  components: z.array(
    z.strictObject({
      name: z.string(),
      /** Little-endian float32 in base64. */
      scores: z.base64(),
    }),
  ),
});

/**
 * @param run the run folder
 * @returns null: there are none
 * @throws {RecordError} `damaged`: they are not what was written
 */
export function readPromptScores(run: string, digest: string): PromptScores | null {
  const path = join(run, promptScoresFile(digest));
  if (!existsSync(path)) {
    return null;
  }
  const { sha256, components } = readCheckedJson(path, file, "file of prompt scores");
  if (sha256Of(JSON.stringify(components)) !== sha256) {
    throw new RecordError("damaged", `${path} has changed since it was written`);
  }
  return components.map(({ name, scores }) => ({
    name,
    scores: float32Array(Buffer.from(scores, "base64")),
  }));
}

/** @throws {RecordError} naming the path */
export function writePromptScores(run: string, digest: string, scores: PromptScores): void {
  const path = join(run, promptScoresFile(digest));
  if (!existsSync(dirname(path))) {
    makeFolder(dirname(path));
  }
  const components = scores.map(({ name, scores }) => ({
    name,
    scores: Buffer.from(float32Bytes(scores)).toString("base64"),
  }));
  const sha256 = sha256Of(JSON.stringify(components));
  writeDurably(path, `${JSON.stringify({ sha256, components })}\n`);
}
