/**
 * Scores of prompts that workers computed, as an artifact's one file: of the `scores_digest` that
 * stands for all that they follow from. One that is lost costs time.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { PromptScores } from "../engine/ports.js";
import { float32Array, float32Bytes } from "../protocol/arrays.js";
import { readDigests } from "../store/digests.js";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";

export const scoresFile = "scores.json";

const components = z.array(
  z.strictObject({
    name: z.string(),
    /** Little-endian float32 in base64. */
    scores: z.base64(),
  }),
);

/** @throws {RecordError} `damaged`: they are not what was written */
export function readScores(folder: string): PromptScores {
  const path = join(folder, scoresFile);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
  if (sha256Of(text) !== readDigests(folder)[scoresFile]) {
    throw new RecordError("damaged", `${path} has changed since it was written`);
  }
  return components.parse(JSON.parse(text)).map(({ name, scores }) => ({
    name,
    scores: float32Array(Buffer.from(scores, "base64")),
  }));
}

export function scoresText(scores: PromptScores): string {
  const all = scores.map(({ name, scores: values }) => ({
    name,
    scores: Buffer.from(float32Bytes(values)).toString("base64"),
  }));
  return `${JSON.stringify(all)}\n`;
}
