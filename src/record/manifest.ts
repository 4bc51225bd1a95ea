/**
 * manifest.json: what would be needed to run the same again, and how it ended. Written when the
 * run starts, completed when its first worker has told what it loaded, and at the end.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { Experiment } from "../config/schema.js";
import { readCheckedJson } from "./checked-json.js";
import { writeDurably } from "./durable-files.js";
import { runFiles } from "./run-paths.js";

export const manifestVersion = 1;

/** How seeds become streams (`domain/random.ts`). */
export const seedRule =
  "MurmurHash3_x86_32(seed = trial seed; UTF-16 code units of the purpose, low and high word of the step)";

const strings = z.record(z.string(), z.string());

export const manifestSchema = z.strictObject({
  manifest: z.literal(manifestVersion),
  name: z.string(),
  purpose: z.string(),
  /** The resolved configuration, arms in full. */
  config: z.record(z.string(), z.unknown()),
  /** sha256 of `config` as canonical JSON (keys sorted). */
  config_hash: z.string(),
  /** Key path → who gave the value. */
  origins: z.record(z.string(), z.unknown()),
  seeds: z.array(z.int()),
  seed_rule: z.string(),
  /** averse, node; then those of the worker (python, torch, …) once it has loaded. */
  versions: strings,
  git: z.strictObject({ commit: z.string(), dirty: z.boolean() }).nullable(),
  hardware: z.record(z.string(), z.union([z.string(), z.number()])),
  /** policy, reference, reward, judge, data → file → sha256; of the first worker that loaded. */
  digests: z.record(z.string(), strings),
  /** The controller's process, to tell a run that goes on from one that died. */
  process: z.strictObject({ pid: z.int(), host: z.string() }),
  started: z.string(),
  finished: z.string().nullable(),
  outcome: z.enum(["done", "failed", "interrupted"]).nullable(),
  message: z.string().nullable(),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** What the command line knows of the program and the machine. */
export type Provenance = Pick<Manifest, "origins" | "versions" | "git" | "hardware" | "process">;

export function startingManifest(
  experiment: Experiment,
  provenance: Provenance,
  started: Date,
): Manifest {
  return {
    manifest: manifestVersion,
    name: experiment.name,
    purpose: experiment.purpose,
    config: experiment as unknown as Record<string, unknown>,
    config_hash: configHash(experiment),
    seeds: [...experiment.seeds],
    seed_rule: seedRule,
    ...provenance,
    digests: {},
    started: started.toISOString(),
    finished: null,
    outcome: null,
    message: null,
  };
}

/** @throws {RecordError} */
export function writeManifest(run: string, manifest: Manifest): void {
  writeDurably(join(run, runFiles.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** @throws {RecordError} when it is missing, not JSON or not a manifest; names the key */
export function readManifest(run: string): Manifest {
  return readCheckedJson(join(run, runFiles.manifest), manifestSchema, "manifest");
}

export function configHash(experiment: Experiment): string {
  return createHash("sha256").update(canonicalJson(experiment)).digest("hex");
}

/** The same text for the same value, whatever order its keys were written in. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
