/** A text file in pieces: decompressed, checked as UTF-8, without a byte order mark. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { TextDecoder } from "node:util";
import { createGunzip } from "node:zlib";
import { TableError } from "./table-error.js";

const pieceBytes = 1 << 20;

/**
 * @param onProgress fraction of the file that has been read
 * @throws {TableError} what is inside is not UTF-8, or the compressed data are damaged
 */
export async function* textPieces(
  file: string,
  compressed: boolean,
  onProgress?: (fraction: number) => void,
): AsyncGenerator<string> {
  const { size } = await stat(file);
  const source = createReadStream(file, { highWaterMark: pieceBytes });
  const stream = compressed
    ? pipeline(source, createGunzip({ chunkSize: pieceBytes }), () => {})
    : source;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    let first = true;
    for await (const chunk of stream) {
      const bytes = chunk as Buffer;
      if (first) requireUtf8(file, bytes);
      first = false;
      onProgress?.(source.bytesRead / size);
      yield decoded(file, decoder, bytes);
    }
    yield decoded(file, decoder, null);
  } catch (error) {
    if (compressed && String((error as { code?: unknown }).code).startsWith("Z_")) {
      throw new TableError(`${file}: the gzip data are damaged or cut off.`, { cause: error });
    }
    throw error;
  } finally {
    source.destroy();
  }
}

function requireUtf8(file: string, start: Buffer): void {
  const [a, b] = start;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    throw new TableError(`${file}: the text is UTF-16; save it as UTF-8.`);
  }
}

/** A byte order mark is the decoder's to drop. */
function decoded(file: string, decoder: TextDecoder, bytes: Buffer | null): string {
  try {
    return bytes === null ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch (error) {
    throw new TableError(`${file}: the text is not UTF-8; save it as UTF-8.`, { cause: error });
  }
}
