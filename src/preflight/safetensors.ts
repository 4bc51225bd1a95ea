/**
 * The header of a safetensors file: 8 bytes of its length, JSON, then the tensors that it lists
 * (https://github.com/huggingface/safetensors, "Format").
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface TensorFile {
  /** Numbers in all tensors. */
  readonly parameters: number;
  /** Of the whole file. */
  readonly bytes: number;
  /** By its header; other than `bytes` where it was cut short. */
  readonly expectedBytes: number;
}

/** The format's own bound. */
const longestHeader = 100_000_000;

/** @returns null: not a safetensors file */
export function readTensorFile(path: string): TensorFile | null {
  const file = openSync(path, "r");
  try {
    const bytes = fstatSync(file).size;
    const start = Buffer.alloc(8);
    if (readSync(file, start, 0, 8, 0) < 8) return null;
    const length = Number(start.readBigUInt64LE());
    if (length > Math.min(longestHeader, bytes)) return null;
    const header = Buffer.alloc(length);
    readSync(file, header, 0, length, 8);
    return ofHeader(header, bytes);
  } finally {
    closeSync(file);
  }
}

function ofHeader(header: Buffer, bytes: number): TensorFile | null {
  let tensors: Readonly<Record<string, unknown>>;
  try {
    tensors = JSON.parse(header.toString("utf8"));
  } catch {
    return null;
  }
  let parameters = 0;
  let end = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (name === "__metadata__") continue;
    const { shape, data_offsets: offsets } = tensor as { shape: unknown; data_offsets: unknown };
    if (!isNumbers(shape) || !isNumbers(offsets) || offsets.length !== 2) return null;
    parameters += shape.reduce((product, size) => product * size, 1);
    end = Math.max(end, offsets[1]!);
  }
  return { parameters, bytes, expectedBytes: 8 + header.length + end };
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}
