/**
 * artifact.json: what an artifact is and how it came to be. It lies in the artifact's folder beside
 * the files that were made, and its digest is in the folder's digest list like theirs.
 */
import { join } from "node:path";
import { z } from "zod";
import { readCheckedJson } from "../store/json-files.js";

export const artifactFile = "artifact.json";

const count = z.int().nonnegative();
const files = z.record(z.string(), z.string());

/** Raised when a key goes, comes, or changes its meaning: artifacts of another one are made again. */
const artifactFormat = 1;

const artifactSchema = z.strictObject({
  format: z.literal(artifactFormat),
  kind: z.enum(["language_model", "classifier", "reward_model", "sft", "prompt_scores"]),
  /** In the configuration that it was made for; of another one it may have another name. */
  name: z.string(),
  /** sha256 of all that it follows from: the name of its folder. */
  digest: z.string(),
  /** What it was made from, by role: file → sha256. */
  inputs: z.record(z.string(), files),
  /** ISO 8601, UTC. */
  created: z.string(),
  /** Of all files but this one and the digest list. */
  bytes: count,
  /** That making it took. */
  seconds: z.number().nonnegative(),
  /** What the worker told of it, for those who take it over. */
  result: z.record(z.string(), z.unknown()),
});

export type ArtifactFacts = z.infer<typeof artifactSchema>;

/** @throws {RecordError} `damaged`: it is missing, or no such file */
export function readArtifactFile(folder: string): ArtifactFacts {
  return readCheckedJson(join(folder, artifactFile), artifactSchema, "the file of an artifact");
}

export function artifactText(facts: Omit<ArtifactFacts, "format">): string {
  return `${JSON.stringify({ format: artifactFormat, ...facts }, null, 2)}\n`;
}
