/** CURVE keys of one session: a pair for each side, thrown away with it. */
import { writeFileSync } from "node:fs";
import { curveKeyPair } from "zeromq";

/** 40 characters of Z85 each. */
export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

export interface SessionKeys {
  readonly server: KeyPair;
  readonly client: KeyPair;
}

export function makeKeys(): SessionKeys {
  return { server: curveKeyPair(), client: curveKeyPair() };
}

/**
 * Writes what the worker needs into a new file that only this user may read.
 *
 * @throws {Error} the file is there already, or cannot be written.
 */
export function writeWorkerKeys(file: string, { server, client }: SessionKeys): void {
  const keys = {
    server_public: server.publicKey,
    client_public: client.publicKey,
    client_secret: client.secretKey,
  };
  writeFileSync(file, `${JSON.stringify(keys)}\n`, { mode: 0o600, flag: "wx" });
}

const DIGITS =
  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/** The text form of a key (ZeroMQ RFC 32): five digits of base 85 for four bytes. */
export function z85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += 4) {
    const value = view.getUint32(at);
    for (let power = 85 ** 4; power >= 1; power /= 85) {
      text += DIGITS[Math.floor(value / power) % 85];
    }
  }
  return text;
}
