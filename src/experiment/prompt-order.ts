/** A data set's prompts in their order, as one digest: what "the same data" comes down to. */
import { createHash } from "node:crypto";
import { uint32Bytes } from "../protocol/arrays.js";

/** @returns sha256 of the ids as little-endian uint32, in hexadecimal */
export function promptOrderDigest(ids: Uint32Array): string {
  return createHash("sha256").update(uint32Bytes(ids)).digest("hex");
}
