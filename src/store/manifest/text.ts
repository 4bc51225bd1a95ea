/**
 * The text of manifest.json: indented JSON whose last key is the sha256 of the same text without
 * that key. One manifest has one text, so that a reader finds any byte that was changed. What the
 * keys are is the schema's to say (`schema.ts`); lists, which start fast, go without it.
 */
import type { Experiment } from "../../config/schema/experiment.js";
import { RecordError } from "../../system/record-error.js";
import { sha256Of } from "../../system/sha256.js";

/**
 * Of a run's whole record: the manifest's keys, those of the configuration in it, and the journal's
 * events. Raised when a key goes, comes without a default, or changes its meaning, so that a record
 * of another version is refused as such before anything of it is looked at.
 */
export const manifestVersion = 5;

export function manifestText(manifest: object): string {
  return text({ ...manifest, sha256: digest(manifest) });
}

/**
 * @param bytes of the whole file
 * @param path for messages
 * @returns JSON of this version, by its own word
 * @throws {RecordError} `damaged`: not JSON · `version`
 */
export function manifestJson(bytes: Uint8Array, path: string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw damaged(`${path} is not JSON: ${(error as Error).message}`, error);
  }
  const version = (json as { manifest?: unknown } | null)?.manifest;
  if (typeof version === "number" && version !== manifestVersion) {
    const age = version < manifestVersion ? "an older" : "a newer";
    const why = `this one reads version ${manifestVersion}`;
    const what = `a record of version ${version}, written by ${age} Averse`;
    throw otherVersion(`${path} is ${what}${writerOf(json)}; ${why}`);
  }
  return json;
}

/**
 * What was written is of the schema: the checksum alone vouches for it. Types are the caller's.
 *
 * @param json that the bytes are the text of
 * @throws {RecordError} `damaged`: changed since it was written
 */
export function intactManifest(json: unknown, bytes: Uint8Array, path: string): object {
  if (!isIntact(json, bytes)) {
    throw damaged(`${path} was changed since it was written: it does not match its own sha256`);
  }
  const { sha256: _, ...manifest } = json as { sha256: string };
  return manifest;
}

/** @param json that the bytes are the text of */
export function isIntact(json: unknown, bytes: Uint8Array): boolean {
  // Of the object as it was read: a schema may order keys anew.
  const { sha256, ...manifest } = (json ?? {}) as { sha256?: string };
  return sha256 === digest(manifest) && Buffer.from(text(json)).equals(bytes);
}

/** @param what that, and why, it is not of this version */
export function otherVersion(what: string): RecordError {
  const remedy = "use the Averse that wrote it, or run the experiment again";
  return new RecordError("version", `${what}: ${remedy}`);
}

/** " (0.1.0, commit 127ff59)", as far as the manifest tells. */
export function writerOf(manifest: unknown): string {
  const { versions, git } = manifest as {
    versions?: { averse?: unknown };
    git?: { commit?: unknown } | null;
  };
  const facts = [versions?.averse, git?.commit && `commit ${String(git.commit).slice(0, 7)}`];
  const told = facts.filter((fact) => typeof fact === "string").join(", ");
  return told === "" ? "" : ` (${told})`;
}

export function damaged(message: string, cause?: unknown): RecordError {
  return new RecordError("damaged", message, { cause });
}

function digest(manifest: object): string {
  return sha256Of(text(manifest));
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * The experiment that a run is of. No schema reads it again, which lists, too, would have to load:
 * this program wrote it, from a checked configuration, and the manifest's own sha256 vouches for it.
 */
export function experimentOf({ config }: { readonly config: object }): Experiment {
  return config as unknown as Experiment;
}
