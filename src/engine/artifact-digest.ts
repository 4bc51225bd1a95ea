/** The digest under which a result is kept: of all that it follows from. */
import { createHash } from "node:crypto";
import { PROTOCOL_VERSION } from "../protocol/messages.js";
import { canonicalJson } from "../text/json.js";

/**
 * @param kind of result: two kinds that follow from the same are not the same
 * @param causes what it follows from beside the protocol, which gives the worker's answers their meaning
 * @returns sha256 in hexadecimal
 */
export function artifactDigest(kind: string, causes: Readonly<Record<string, unknown>>): string {
  const text = canonicalJson({ kind, protocol: PROTOCOL_VERSION, causes });
  return createHash("sha256").update(text).digest("hex");
}
