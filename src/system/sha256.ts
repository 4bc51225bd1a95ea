import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { recordError } from "./record-error.js";

/** In hex. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** In pieces: weights are larger than memory should be. @throws {RecordError} */
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

const pieceBytes = 1 << 20;
