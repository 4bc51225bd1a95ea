/**
 * Who may connect: the ZAP handler (ZeroMQ RFC 27), which libzmq asks about every client that has
 * shown a key. There is one address for it in a process, so all sessions share one handler; each
 * has a domain of its own, and in it the one key of its worker.
 */
import { writeFileSync } from "node:fs";
import { curveKeyPair, Reply } from "zeromq";

const ADDRESS = "inproc://zeromq.zap.01";

/**
 * How often the handler looks whether it is still needed, in milliseconds. It continues for once or
 * twice as long after the last session, and its socket is never closed: libzmq 4.3.5 aborts the
 * process when a handler closes while a session that asked it is on its way out.
 */
const LOOK_MS = 250;

/** Domain → public key of the one client that it authenticates. */
const authenticated = new Map<string, string>();
let handler: Promise<Reply> | null = null;
let answering = false;

/**
 * Authenticates one client to sockets of this ZAP domain.
 *
 * @returns Takes it back; safe to call twice.
 * @throws {Error} the handler's address is taken: other code in this process is a ZAP handler.
 */
export async function authenticate(domain: string, publicKey: string): Promise<() => void> {
  handler ??= open();
  const reply = await handler;
  authenticated.set(domain, publicKey);
  if (!answering) {
    answering = true;
    void answer(reply);
  }
  return () => {
    authenticated.delete(domain);
  };
}

async function open(): Promise<Reply> {
  const reply = new Reply({ linger: 0, receiveTimeout: LOOK_MS });
  try {
    await reply.bind(ADDRESS);
    return reply;
  } catch (error) {
    handler = null;
    reply.close();
    throw error;
  }
}

/** Answers until nobody needs it: a socket that waits keeps the process from ending. */
async function answer(reply: Reply): Promise<void> {
  let needed = true;
  while (needed) {
    const wasNeeded = authenticated.size > 0;
    try {
      await reply.send(verdict(await reply.receive()));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") {
        throw error;
      }
      needed = wasNeeded || authenticated.size > 0;
    }
  }
  answering = false;
}

function verdict([version, request, domain, , , mechanism, key]: readonly Buffer[]): (
  | Buffer
  | string
)[] {
  const known = authenticated.get(String(domain));
  const welcome =
    String(mechanism) === "CURVE" && key !== undefined && known !== undefined && z85(key) === known;
  // Version, request, status, text, user, metadata.
  return [version!, request!, ...(welcome ? ["200", "OK"] : ["400", "unknown key"]), "", ""];
}

/** 40 characters of Z85 each. */
interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** CURVE keys of one session: a pair for each side, thrown away with it. */
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
