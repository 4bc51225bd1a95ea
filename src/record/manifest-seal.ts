/** A manifest read back: of the schema, and not a byte changed since it was written. */
import { type Manifest, manifestSchema } from "./manifest-schema.js";
import { damaged, intactManifest, manifestJson } from "./manifest-text.js";

/**
 * @param bytes of the whole file
 * @param path for messages
 * @throws {RecordError} `damaged`: not JSON, of another version, no manifest, or changed since it
 *   was written
 */
export function unsealedManifest(bytes: Uint8Array, path: string): Manifest {
  const json = manifestJson(bytes, path);
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue!.path.join(".") || "the whole";
    throw damaged(`${path} is no manifest: ${where}: ${issue!.message}`);
  }
  return intactManifest(json, bytes, path);
}
