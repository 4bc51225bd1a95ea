/**
 * Per-episode arrays on the wire: little-endian 32-bit values as MessagePack binary. DataView reads
 * at any offset and on any host: a decoded binary is an unaligned view of the whole message, which
 * a Float32Array must neither lie over nor keep alive.
 */
import { ProtocolFault } from "./fault.js";

const BYTES = 4;

const none: ReadonlySet<number> = new Set();

/**
 * Packs numbers as float32.
 *
 * @param failed positions without a reward: they go out as NaN, whatever their value
 * @throws {ProtocolFault} another value is NaN, infinite, or beyond float32: nothing may send those.
 */
export function float32Bytes(
  values: ArrayLike<number>,
  failed: ReadonlySet<number> = none,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    if (failed.has(i)) {
      view.setFloat32(i * BYTES, Number.NaN, true);
      continue;
    }
    const value = Math.fround(values[i]!);
    if (!Number.isFinite(value)) {
      throw new ProtocolFault(`value ${i} is ${values[i]}, expected a finite float32`);
    }
    view.setFloat32(i * BYTES, value, true);
  }
  return bytes;
}

/**
 * Packs whole numbers in [0, 2³²) as uint32.
 *
 * @throws {ProtocolFault} a value is out of range or no whole number.
 */
export function uint32Bytes(values: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
      throw new ProtocolFault(`value ${i} is ${value}, expected a whole number in [0, 2^32)`);
    }
    view.setUint32(i * BYTES, value, true);
  }
  return bytes;
}

/**
 * Unpacks float32 values into an array of its own. NaN and infinities pass: what an episode without
 * a reward, or a diverged one, means is the caller's question.
 *
 * @throws {ProtocolFault} the length is no multiple of four bytes.
 */
export function float32Array(bytes: Uint8Array): Float32Array {
  const view = wholeView(bytes);
  const values = new Float32Array(bytes.byteLength / BYTES);
  for (let i = 0; i < values.length; i++) {
    values[i] = view.getFloat32(i * BYTES, true);
  }
  return values;
}

/**
 * Unpacks uint32 values into an array of its own.
 *
 * @throws {ProtocolFault} the length is no multiple of four bytes.
 */
export function uint32Array(bytes: Uint8Array): Uint32Array {
  const view = wholeView(bytes);
  const values = new Uint32Array(bytes.byteLength / BYTES);
  for (let i = 0; i < values.length; i++) {
    values[i] = view.getUint32(i * BYTES, true);
  }
  return values;
}

function wholeView(bytes: Uint8Array): DataView {
  if (bytes.byteLength % BYTES !== 0) {
    throw new ProtocolFault(`an array has ${bytes.byteLength} bytes, expected a multiple of 4`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
