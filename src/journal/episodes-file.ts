/**
 * Per-episode arrays of a very large batch: a binary file beside the journal instead of megabytes
 * of text in it. Little-endian 32-bit values: magic, version, count, then one array after another.
 */
import { readFileSync } from "node:fs";
import { writeDurably } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";
import type { Episodes } from "./events.js";

/** "AVEP" as the bytes of a little-endian word. */
const magic = 0x50455641;
const version = 1;
const headerWords = 3;

/** In the file's order. */
const layout = [
  ["prompt", "uint32"],
  ["reward", "float32"],
  ["kl", "float32"],
  ["return", "float32"],
  ["length", "uint32"],
  ["weight", "float32"],
] as const satisfies readonly (readonly [keyof Episodes, "uint32" | "float32"])[];

export function writeEpisodesFile(
  path: string,
  episodes: Episodes,
): { sha256: string; count: number } {
  const count = episodes.prompt.length;
  const bytes = new Uint8Array(4 * (headerWords + layout.length * count));
  const view = new DataView(bytes.buffer);
  for (const [index, word] of [magic, version, count].entries()) {
    view.setUint32(4 * index, word, true);
  }
  let at = 4 * headerWords;
  for (const [name, type] of layout) {
    for (const value of episodes[name]) {
      if (type === "uint32") {
        view.setUint32(at, value!, true);
      } else {
        view.setFloat32(at, value ?? Number.NaN, true);
      }
      at += 4;
    }
  }
  writeDurably(path, bytes);
  return { sha256: sha256Of(bytes), count };
}

/**
 * @param sha256 as the journal has it
 * @throws {RecordError} when the file is missing, changed or no such file
 */
export function readEpisodesFile(path: string, sha256: string): Episodes {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
  if (sha256Of(bytes) !== sha256) {
    throw new RecordError(
      "damaged",
      `${path} has changed since it was written: its digest differs`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength >= 4 * headerWords ? view.getUint32(8, true) : 0;
  const size = 4 * (headerWords + layout.length * count);
  if (
    bytes.byteLength !== size ||
    view.getUint32(0, true) !== magic ||
    view.getUint32(4, true) !== version
  ) {
    throw new RecordError("damaged", `${path} is not an episodes file of version ${version}`);
  }
  let at = 4 * headerWords;
  const episodes = layout.map(([name, type]) => {
    const values = Array.from({ length: count }, (_, index) => {
      const offset = at + 4 * index;
      return type === "uint32" ? view.getUint32(offset, true) : figure(view, offset);
    });
    at += 4 * count;
    return [name, values];
  });
  return Object.fromEntries(episodes) as Episodes;
}

/** The digits that the journal would have. */
function figure(view: DataView, offset: number): number | null {
  const value = view.getFloat32(offset, true);
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : null;
}
