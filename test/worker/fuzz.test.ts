/**
 * Malformed messages at the controller: each is reported once and changes nothing. AVERSE_LONG=1
 * sends ten thousand in each test instead of a few hundred.
 */
import { randomUUID } from "node:crypto";
import { connect as dial } from "node:net";
import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { Dealer } from "zeromq";
import { decodeMessage } from "../../src/protocol/codec.js";
import { ProtocolFault } from "../../src/protocol/fault.js";
import type { FromWorker, Hello, Request } from "../../src/protocol/messages.js";
import { redaction } from "../../src/text/redaction.js";
import { WorkerFailure } from "../../src/worker/contract.js";
import { Exchange } from "../../src/worker/exchange.js";
import { workerSpecSchema } from "../../src/worker/spec.js";
import { Connection } from "../../src/worker/transport/connection.js";
import { eventually } from "../eventually.js";
import { helloMessage } from "./hello.js";

const count = process.env.AVERSE_LONG ? 10_000 : 300;
if (process.env.AVERSE_LONG) vi.setConfig({ testTimeout: 600_000 });

const session = "s";
const hello: Hello = { ...helloMessage, session };
const pong = { busy: null, phase: null, memory_bytes: 1 };
/** No request has had such an id: a right answer to it is as wrong as a torn one. */
const id = 2 ** 40;
const messages: readonly FromWorker[] = [
  hello,
  { kind: "reply", session, id, result: pong },
  { kind: "reply", session, id, result: { files: { a: "b" }, bytes: 1, seconds: 1 } },
  { kind: "failure", session, id, error: "internal", message: "m", key: "a.b", detail: null },
  { kind: "failure", session, id: null, error: "protocol", message: "m", key: null, detail: null },
  { kind: "progress", session, id, phase: "update", done: 1, total: 2, unit: "steps", loss: null },
];

// ── what is malformed ─────────────────────────────────────────────────────────────────────────

const never = fc.constantFrom<unknown>(Number.NaN, [1], { x: 1 }, 2 ** 64, new Uint8Array(2));

/** A message with a field left out, added, or of a value that it cannot have. */
const wrongFields = fc
  .tuple(fc.constantFrom(...messages), fc.nat(), fc.constantFrom("drop", "add", "replace"))
  .chain(([message, at, how]) => {
    // What a reply carries is anyone's until its call is known.
    const keys = Object.keys(message).filter((key) => how === "drop" || key !== "result");
    const key = keys[at % keys.length]!;
    const { [key as keyof FromWorker]: _, ...others } = message;
    const added = fc.string({ minLength: 1 }).filter((name) => !(name in message));
    return how === "drop"
      ? fc.constant(others)
      : how === "add"
        ? added.map((name) => ({ ...message, [name]: 1 }))
        : never.map((value) => ({ ...message, [key]: value }));
  })
  .map((value) => encode(value));

/** A message with bytes changed, cut off or put in. */
const damagedBytes = fc
  .tuple(
    fc.constantFrom(...messages),
    fc.array(
      fc.record({
        at: fc.nat(),
        cut: fc.nat(20),
        put: fc.uint8Array({ maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([message, wounds]) => {
    let bytes = [...encode(message)];
    for (const { at, cut, put } of wounds) {
      const place = at % (bytes.length + 1);
      bytes = [...bytes.slice(0, place), ...put, ...bytes.slice(place + cut)];
    }
    return Uint8Array.from(bytes);
  });

const malformed = fc.oneof(
  wrongFields,
  damagedBytes,
  fc.uint8Array({ maxLength: 300 }),
  fc.anything().map(encodable),
);

/** What MessagePack has no form for (functions, symbols) as text. */
function encodable(value: unknown): Uint8Array {
  try {
    return encode(value);
  } catch {
    return encode(String(value));
  }
}

// ── the exchange ──────────────────────────────────────────────────────────────────────────────

class Wired {
  readonly strays: string[] = [];
  readonly refusals: string[] = [];
  greetings = 0;
  readonly exchange = new Exchange(
    session,
    {
      greeted: () => {
        this.greetings += 1;
      },
      refused: (fault) => this.refusals.push(fault.message),
      stray: (text) => this.strays.push(text),
    },
    redaction(),
  );

  ping() {
    return this.exchange.request(
      "ping",
      {},
      { onProgress: undefined, limit: () => 1e6, onTimeout: () => {} },
    );
  }

  /** A ping is answered exactly as if nothing had been. */
  async expectSound(): Promise<void> {
    const { bytes, answer } = this.ping();
    const request = decode(bytes) as Request;
    this.exchange.receive(encode({ kind: "reply", session, id: request.id, result: pong }));
    expect(await answer).toEqual(pong);
  }
}

test("whatever comes is reported once, in words, and nothing else happens", async () => {
  const wired = new Wired();
  wired.exchange.receive(encode(hello));
  await fc.assert(
    fc.asyncProperty(malformed, async (bytes) => {
      const before = wired.strays.length;
      wired.exchange.receive(bytes);
      expect(wired.strays).toHaveLength(before + 1);
      expect(wired.strays.pop()).toMatch(/\S/);
      await wired.expectSound();
      expect([wired.greetings, wired.refusals]).toEqual([1, []]);
    }),
    { numRuns: count },
  );
});

test("a call in hand is answered, failed in words, or left waiting; never lost", async () => {
  const wired = new Wired();
  wired.exchange.receive(encode(hello));
  await fc.assert(
    fc.asyncProperty(malformed, async (bytes) => {
      const { answer } = wired.ping();
      const outcome = answer.catch((error: unknown) => error);
      wired.exchange.receive(bytes);
      wired.exchange.failAll(() => new Error("was still waiting"));
      const error = await outcome;
      expect(error).toBeInstanceOf(Error);
      if (!(error as Error).message.includes("was still waiting")) {
        expect(error).toBeInstanceOf(WorkerFailure);
        expect((error as WorkerFailure).kind).toMatch(/protocol|diverged/);
      }
      await wired.expectSound();
    }),
    { numRuns: count },
  );
});

test("nothing but a whole hello of this session is a greeting", () => {
  fc.assert(
    fc.property(malformed, (bytes) => {
      const wired = new Wired();
      wired.exchange.receive(bytes);
      expect(wired.greetings + wired.refusals.length).toBe(1);
      if (wired.greetings === 1) {
        expect(decodeMessage(bytes)).toMatchObject({ kind: "hello", session });
      }
    }),
    { numRuns: count },
  );
});

test("messages with a wrong field are protocol faults", () => {
  fc.assert(
    fc.property(wrongFields, (bytes) => {
      expect(() => decodeMessage(bytes)).toThrow(ProtocolFault);
    }),
    { numRuns: count },
  );
});

// ── the socket ────────────────────────────────────────────────────────────────────────────────

const toClose: { close(): void }[] = [];
afterEach(() => {
  for (const thing of toClose.splice(0)) {
    thing.close();
  }
});

async function opened(transport: "ipc" | "tcp") {
  const { connection: where } = workerSpecSchema.parse({
    name: "x",
    argv: ["x", ...(transport === "tcp" ? ["{keys}"] : [])],
    connection: { transport },
  });
  const wired = new Wired();
  let received = 0;
  let disconnects = 0;
  const connection = await Connection.open(
    {
      message: (bytes) => {
        received += 1;
        wired.exchange.receive(bytes);
      },
      stray: (text) => wired.strays.push(text),
      disconnected: () => {
        disconnects += 1;
      },
    },
    where,
    randomUUID(),
  );
  toClose.push(connection);
  return { wired, connection, received: () => received, disconnects: () => disconnects };
}

test("over a real socket: all is told, and the connection holds", async () => {
  const { wired, connection, received, disconnects } = await opened("ipc");
  const dealer = new Dealer({ linger: 0 });
  toClose.push(dealer);
  dealer.connect(connection.endpoint);
  await dealer.send(encode(hello));
  const frame = malformed.filter((bytes) => bytes.length > 0);
  const sent = fc.sample(fc.oneof(frame, fc.array(frame, { minLength: 2, maxLength: 4 })), count);
  for (const message of sent) {
    await dealer.send(message);
  }
  await eventually(() => expect(wired.strays).toHaveLength(count));
  expect(received()).toBe(1 + sent.filter((message) => message instanceof Uint8Array).length);
  const { bytes, answer } = wired.ping();
  await connection.send(bytes);
  const request = decode((await dealer.receive())[0]!) as Request;
  await dealer.send(encode({ kind: "reply", session, id: request.id, result: pong }));
  expect(await answer).toEqual(pong);
  expect([wired.greetings, wired.refusals, disconnects()]).toEqual([1, [], 0]);
});

test("over plain TCP at a locked listener: nothing is heard of it", async () => {
  const { wired, connection, received, disconnects } = await opened("tcp");
  const port = Number(connection.endpoint.split(":").at(-1));
  const signature = Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0);
  const pieces = fc.oneof(
    malformed,
    fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([signature, rest])),
  );
  for (const bytes of fc.sample(pieces, count / 10)) {
    await new Promise((resolve) => {
      const socket = dial(port, "127.0.0.1", () => socket.end(bytes));
      socket.on("error", () => {}); // hung up on while writing
      socket.once("close", resolve);
      socket.resume();
    });
  }
  expect([received(), wired.strays, disconnects()]).toEqual([0, [], 0]);
});
