/**
 * Per-episode arrays of a very large batch: a binary file beside the journal instead of megabytes
 * of text in it. Little-endian 32-bit values: magic, version, count, then one array after another.
 * With further arrays (version 2: `advantage`, `importance`, `components.NAME`) their names follow the count, as
 * the length in bytes and a JSON list filled up with spaces to a multiple of four; they come after
 * the others.
 */
import { readFileSync } from "node:fs";
import { writeDurably } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";
import type { Episodes } from "./events.js";

/** "AVEP" as the bytes of a little-endian word. */
const magic = 0x50455641;
const version = { plain: 1, further: 2 } as const;
const headerWords = 3;

/** In the file's order, before further arrays. */
const layout = [
  ["prompt", "uint32"],
  ["reward", "float32"],
  ["kl", "float32"],
  ["return", "float32"],
  ["length", "uint32"],
  ["weight", "float32"],
] as const satisfies readonly (readonly [Exclude<keyof Episodes, Further>, ArrayType])[];

type Further = "components" | (typeof optionalNames)[number];

const optionalNames = ["advantage", "importance"] as const;
const componentPrefix = "components.";

type ArrayType = "uint32" | "float32";

export function writeEpisodesFile(
  path: string,
  episodes: Episodes,
): { sha256: string; count: number } {
  const count = episodes.prompt.length;
  const further = furtherArrays(episodes);
  const names = further.length === 0 ? null : paddedNames(further.map(([name]) => name));
  const arrays = [
    ...layout.map(([name, type]) => ({ type, values: episodes[name] })),
    ...further.map(([, values]) => ({ type: "float32" as const, values })),
  ];
  const header = 4 * headerWords + (names === null ? 0 : 4 + names.length);
  const bytes = new Uint8Array(header + 4 * arrays.length * count);
  const view = new DataView(bytes.buffer);
  const form = names === null ? version.plain : version.further;
  for (const [index, word] of [magic, form, count].entries()) {
    view.setUint32(4 * index, word, true);
  }
  if (names !== null) {
    view.setUint32(4 * headerWords, names.length, true);
    bytes.set(names, 4 * headerWords + 4);
  }
  let at = header;
  for (const { type, values } of arrays) {
    for (const value of values) {
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

function furtherArrays(episodes: Episodes) {
  const { components = {} } = episodes;
  return [
    ...optionalNames.flatMap((name) => {
      const values = episodes[name];
      return values === undefined ? [] : [[name, values] as const];
    }),
    ...Object.entries(components).map(
      ([name, values]) => [`${componentPrefix}${name}`, values] as const,
    ),
  ];
}

function paddedNames(names: readonly string[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(names));
  const padded = new Uint8Array(4 * Math.ceil(text.length / 4)).fill(0x20);
  padded.set(text);
  return padded;
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
  const header = readHeader(bytes);
  const arrays = layout.length + (header?.names.length ?? 0);
  if (header === null || bytes.byteLength !== header.length + 4 * arrays * header.count) {
    throw new RecordError(
      "damaged",
      `${path} is not an episodes file of version ${version.plain} or ${version.further}`,
    );
  }
  const { count, names } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const arrayAt = (place: number, type: ArrayType): (number | null)[] =>
    Array.from({ length: count }, (_, index) => {
      const offset = header.length + 4 * (place * count + index);
      return type === "uint32" ? view.getUint32(offset, true) : figure(view, offset);
    });
  const episodes = layout.map(([name, type], place) => [name, arrayAt(place, type)]);
  const further = names.map((name, at) => [name, arrayAt(layout.length + at, "float32")] as const);
  const known: readonly string[] = optionalNames;
  const components = further.flatMap(([name, values]) =>
    name.startsWith(componentPrefix) ? [[name.slice(componentPrefix.length), values]] : [],
  );
  return {
    ...Object.fromEntries(further.filter(([name]) => known.includes(name))),
    ...(components.length === 0 ? {} : { components: Object.fromEntries(components) }),
    ...Object.fromEntries(episodes),
  } as Episodes;
}

interface EpisodesHeader {
  /** In bytes. */
  readonly length: number;
  readonly count: number;
  /** Of further arrays. */
  readonly names: readonly string[];
}

/** @returns null: it is no header of such a file */
function readHeader(bytes: Buffer): EpisodesHeader | null {
  const plain = 4 * headerWords;
  if (bytes.byteLength < plain || bytes.readUInt32LE(0) !== magic) {
    return null;
  }
  const [form, count] = [bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
  if (form === version.plain) {
    return { length: plain, count, names: [] };
  }
  if (form !== version.further || bytes.byteLength < plain + 4) {
    return null;
  }
  const length = plain + 4 + bytes.readUInt32LE(plain);
  try {
    const names: unknown = JSON.parse(bytes.toString("utf8", plain + 4, length));
    const isList = Array.isArray(names) && names.every((name) => typeof name === "string");
    return isList ? { length, count, names } : null;
  } catch {
    return null;
  }
}

/** The digits that the journal would have. */
function figure(view: DataView, offset: number): number | null {
  const value = view.getFloat32(offset, true);
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : null;
}
