/** sha256 in hex, of what is in memory and of files. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { recordError } from "./record-error.js";

export function sha256Of(...contents: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const content of contents) {
    hash.update(content);
  }
  return hash.digest("hex");
}

const pieceBytes = 1 << 20;

/**
 * In pieces: weights are larger than memory should be.
 *
 * @param onBytes is called with the bytes of every piece read
 * @throws {RecordError} the file cannot be read
 */
export async function sha256OfFile(
  path: string,
  onBytes: (bytes: number) => void = () => {},
): Promise<string> {
  const hash = createHash("sha256");
  try {
    const pieces = createReadStream(path, { highWaterMark: pieceBytes });
    for await (const piece of pieces as AsyncIterable<Buffer>) {
      hash.update(piece);
      onBytes(piece.length);
    }
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
  return hash.digest("hex");
}
