/**
 * The text of manifest.json: indented JSON whose last key is the sha256 of the same text without
 * that key. One manifest has one text, so that a reader finds any byte that was changed.
 */
import { createHash } from "node:crypto";
import { type Manifest, manifestSchema, manifestVersion } from "./manifest-schema.js";
import { RecordError } from "./record-error.js";

export function sealedManifest(manifest: Manifest): string {
  return text({ ...manifest, sha256: digest(manifest) });
}

/**
 * @param bytes of the whole file
 * @param path for messages
 * @throws {RecordError} `damaged`: not JSON, of another version, no manifest, or changed since it
 *   was written
 */
export function unsealedManifest(bytes: Uint8Array, path: string): Manifest {
  const content = new TextDecoder().decode(bytes);
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (error) {
    throw damaged(`${path} is not JSON: ${(error as Error).message}`, error);
  }
  requireVersion(json, path);
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue!.path.join(".") || "the whole";
    throw damaged(`${path} is no manifest: ${where}: ${issue!.message}`);
  }
  // Of the object as it was read: a schema may order keys anew.
  const { sha256, ...manifest } = json as Manifest & { sha256: string };
  if (sha256 !== digest(manifest) || !Buffer.from(text(json)).equals(bytes)) {
    throw damaged(`${path} was changed since it was written: it does not match its own sha256`);
  }
  return manifest;
}

function requireVersion(json: unknown, path: string): void {
  const version = (json as { manifest?: unknown } | null)?.manifest;
  if (typeof version === "number" && version !== manifestVersion) {
    const age = version < manifestVersion ? "an older" : "a newer";
    throw damaged(
      `${path} is a manifest of version ${version}, written by ${age} Averse; this one reads ` +
        `version ${manifestVersion}: use that Averse, or run the experiment again`,
    );
  }
}

function digest(manifest: Manifest): string {
  return createHash("sha256").update(text(manifest)).digest("hex");
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function damaged(message: string, cause?: unknown): RecordError {
  return new RecordError("damaged", message, { cause });
}
