/** Messages to bytes and back; nothing passes unchecked in either direction. */
import { decode, encode } from "@msgpack/msgpack";
import { misaligned, undeclared } from "./alignment.js";
import { checked, ProtocolFault, VersionFault } from "./fault.js";
import {
  type Command,
  commands,
  type DeclaredFigures,
  type FromWorker,
  fromWorker,
  type Payload,
  PROTOCOL_VERSION,
  type Request,
  type Result,
} from "./messages.js";

/** Largest message either way: far above any real one, below what would exhaust the host. */
export const MAX_MESSAGE_BYTES = 256 * 2 ** 20;

/**
 * Longest list or map in a message. MessagePack states a length before the items, and the decoder
 * believes it: a few garbage bytes would otherwise reserve gigabytes.
 */
const MAX_ITEMS = 16_384;

const limits = { maxArrayLength: MAX_ITEMS, maxMapLength: MAX_ITEMS };

/**
 * Encodes one request.
 *
 * @throws {ProtocolFault} the payload is not what the command takes, or is too large.
 */
export function encodeRequest<C extends Command>(
  session: string,
  id: number,
  command: C,
  payload: Payload<C>,
): Uint8Array {
  const what = `payload of \`${command}\``;
  const message: Request = {
    kind: "request",
    protocol: PROTOCOL_VERSION,
    session,
    id,
    command,
    payload: checked(commands[command].payload, payload, what, id),
  };
  const bytes = encode(message);
  checkSize(bytes, what);
  return bytes;
}

/**
 * Decodes one message of the worker. A reply's `result` is still unchecked: see `checkedResult`.
 *
 * @throws {VersionFault} a hello of another protocol version; checked before anything else of it.
 * @throws {ProtocolFault} with the request's id wherever one can be read.
 */
export function decodeMessage(bytes: Uint8Array): FromWorker {
  checkSize(bytes, "message of the worker");
  const fields = decodedMap(bytes);
  if (fields.kind === "hello" && fields.protocol !== PROTOCOL_VERSION) {
    throw new VersionFault(fields.protocol, fields.version);
  }
  return checked(fromWorker, fields, "message of the worker", readableId(fields.id));
}

/**
 * Checks what a reply carries: the command's schema, that arrays have one value per prompt or
 * episode, and that figures are among those that the engine declared. Binaries in it are views on the message's bytes: copy them out with `float32Array`.
 *
 * @throws {ProtocolFault} `diverged` is set when NaN or infinity is all that is wrong.
 */
export function checkedResult<C extends Command>(
  command: C,
  payload: Payload<C>,
  id: number,
  value: unknown,
  declared: DeclaredFigures,
): Result<C> {
  const what = `result of \`${command}\``;
  const result = checked(commands[command].result, value, what, id) as Result<C>;
  const problem = misaligned(command, payload, result) ?? undeclared(command, result, declared);
  if (problem !== null) {
    throw new ProtocolFault(`${what}: ${problem}`, id);
  }
  return result;
}

function decodedMap(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = decode(bytes, limits);
  } catch (error) {
    // The decoder reports malformed bytes with half a dozen classes of error, RangeError included.
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProtocolFault(`${bytes.byteLength} bytes that are no MessagePack: ${reason}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ProtocolFault(`${bytes.byteLength} bytes of MessagePack that are no map`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function readableId(id: unknown): number | null {
  return Number.isSafeInteger(id) && (id as number) >= 0 ? (id as number) : null;
}

function checkSize(bytes: Uint8Array, what: string): void {
  if (bytes.byteLength > MAX_MESSAGE_BYTES) {
    throw new ProtocolFault(
      `${what} has ${bytes.byteLength} bytes, expected at most ${MAX_MESSAGE_BYTES} (256 MiB)`,
    );
  }
}
