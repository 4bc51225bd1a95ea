/** A worker's listener over TCP: opened by the session's key, and by nothing else that may knock. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, connect as dial, type Socket } from "node:net";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { curveKeyPair, Dealer } from "zeromq";
import { MAX_MESSAGE_BYTES } from "../../../src/protocol/codec.js";
import { type WorkerSpec, workerSpecSchema } from "../../../src/worker/spec.js";
import { z85 } from "../../../src/worker/transport/authentication.js";
import { Connection } from "../../../src/worker/transport/connection.js";
import { eventually } from "../../eventually.js";
import { hasIpv6 } from "./ipv6.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const { connection: tcp } = workerSpecSchema.parse({
  name: "x",
  argv: ["x", "{keys}"],
  connection: { transport: "tcp" },
});

interface ClientKeys {
  readonly curveServerKey: string;
  readonly curvePublicKey: string;
  readonly curveSecretKey: string;
}

class Opened {
  readonly messages: string[] = [];
  readonly strays: string[] = [];
  disconnects = 0;
  connection!: Connection;

  static async start(spec: WorkerSpec["connection"] = tcp): Promise<Opened> {
    const opened = new Opened();
    opened.connection = await Connection.open(
      {
        message: (bytes) => opened.messages.push(Buffer.from(bytes).toString()),
        stray: (text) => opened.strays.push(text),
        disconnected: () => {
          opened.disconnects += 1;
        },
      },
      spec,
      randomUUID(),
    );
    toClose.push(opened.connection);
    return opened;
  }

  get port(): number {
    return Number(this.connection.endpoint.split(":").at(-1));
  }

  get keys(): ClientKeys {
    const file = JSON.parse(readFileSync(this.connection.keys!, "utf8"));
    return {
      curveServerKey: file.server_public,
      curvePublicKey: file.client_public,
      curveSecretKey: file.client_secret,
    };
  }

  client(keys: Partial<ClientKeys> = this.keys): Dealer {
    const dealer = new Dealer({ linger: 0, ...keys });
    toClose.push(dealer);
    return dealer;
  }

  /** The right worker, which has said hello. */
  async worker(options: { ipv6?: boolean } = {}): Promise<Dealer> {
    const worker = this.client();
    Object.assign(worker, options);
    worker.connect(this.connection.endpoint);
    await worker.send("hello");
    await eventually(() => expect(this.messages).toEqual(["hello"]));
    return worker;
  }

  /** That messages go both ways, and nothing else was heard of. */
  async expectUndisturbed(worker: Dealer): Promise<void> {
    await worker.send("still here");
    await eventually(() => expect(this.messages.at(-1)).toBe("still here"));
    await this.connection.send(Buffer.from("so am I"));
    expect(String((await worker.receive())[0])).toBe("so am I");
    const { messages, strays, disconnects } = this;
    expect({ messages, strays, disconnects }).toEqual({
      messages: ["hello", "still here"],
      strays: [],
      disconnects: 0,
    });
  }
}

const toClose: (Connection | Dealer | Socket)[] = [];

afterEach(() => {
  for (const thing of toClose.splice(0)) {
    "destroy" in thing ? thing.destroy() : thing.close();
  }
});

/** Knocks, and waits until it was turned away. */
async function turnedAway(dealer: Dealer, endpoint: string): Promise<void> {
  const { events } = dealer;
  dealer.connect(endpoint);
  await dealer.send("let me in");
  for await (const { type } of events) {
    expect(type).not.toBe("handshake");
    if (type === "disconnect") {
      break;
    }
  }
  dealer.close();
}

/** Sends bytes over plain TCP, and waits until the other side hangs up. */
async function hungUpOn(port: number, pieces: readonly Uint8Array[]): Promise<void> {
  const socket = dial(port, "127.0.0.1");
  toClose.push(socket);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  // The other side resets what it does not want to read.
  socket.on("error", () => {});
  socket.resume();
  for (const piece of pieces) {
    socket.write(piece);
  }
  await closed;
}

/** What begins a connection of ZMTP 3.0 (RFC 23) with CURVE. */
function greeting(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
  bytes.write("CURVE", 12, "latin1");
  return bytes;
}

/** Head of a long command frame. */
function frameOf(bytes: number): Buffer {
  const head = Buffer.alloc(9);
  head[0] = 6;
  head.writeBigUInt64BE(BigInt(bytes), 1);
  return head;
}

describe("over TCP", () => {
  test("the right keys open, and messages go both ways", async () => {
    const opened = await Opened.start();
    expect(opened.connection.endpoint).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const worker = await opened.worker();
    await opened.expectUndisturbed(worker);
    worker.close();
    await eventually(() => expect(opened.disconnects).toBe(1));
  });

  test("the keys lie in a file of one's own, are new for each session, and go with it", async () => {
    const [first, second] = [await Opened.start(), await Opened.start()];
    const file = first.connection.keys!;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const keys = [...Object.values(first.keys), ...Object.values(second.keys)];
    expect(new Set(keys).size).toBe(6);
    first.connection.close();
    expect(existsSync(file)).toBe(false);
    await second.expectUndisturbed(await second.worker());
  });

  test("no key, wrong keys, and another session's key are turned away and disturb nothing", async () => {
    const [opened, other] = [await Opened.start(), await Opened.start()];
    const worker = await opened.worker();
    const { publicKey, secretKey } = curveKeyPair();
    const { curveServerKey } = opened.keys;
    const intruders: Record<string, Partial<ClientKeys>> = {
      "no key": {},
      "wrong server key": { ...opened.keys, curveServerKey: publicKey },
      "unknown client key": {
        curveServerKey,
        curvePublicKey: publicKey,
        curveSecretKey: secretKey,
      },
      "another session's key": { ...other.keys, curveServerKey },
    };
    for (const keys of Object.values(intruders)) {
      await turnedAway(opened.client(keys), opened.connection.endpoint);
    }
    await opened.expectUndisturbed(worker);
  });

  test("intruders before the worker do not take its place", async () => {
    const opened = await Opened.start();
    await turnedAway(opened.client({}), opened.connection.endpoint);
    await hungUpOn(opened.port, [Buffer.alloc(1000, "A")]);
    await opened.expectUndisturbed(await opened.worker());
  });

  test.each([
    ["text", [Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n".padEnd(1000))]],
    ["zeros", [Buffer.alloc(100_000)]],
    ["ones", [Buffer.alloc(100_000, 0xff)]],
    ["ZMTP 1.0", [Buffer.from([1, 0]), Buffer.alloc(1000)]],
    ["a greeting, then garbage", [greeting(), Buffer.alloc(1000, "A")]],
    ["a greeting, then too large a frame", [greeting(), frameOf(MAX_MESSAGE_BYTES + 1)]],
    [
      "a greeting, then more than a handshake takes",
      [greeting(), frameOf(100_000), Buffer.alloc(5000)],
    ],
    ["a greeting, then a frame of 2⁶² bytes", [greeting(), frameOf(2 ** 62)]],
  ])("%s over plain TCP is hung up on", async (_, pieces) => {
    const opened = await Opened.start();
    const worker = await opened.worker();
    await hungUpOn(opened.port, pieces);
    await opened.expectUndisturbed(worker);
  });

  test("what comes before a key costs no memory", async () => {
    const opened = await Opened.start();
    const worker = await opened.worker();
    const flood = async () => {
      for (let i = 0; i < 100; i++) {
        const size = i % 2 === 0 ? 2 ** 30 : MAX_MESSAGE_BYTES;
        await hungUpOn(opened.port, [greeting(), frameOf(size), Buffer.alloc(2 ** 20)]);
      }
    };
    await flood(); // what Node and libzmq allocate once
    const before = process.memoryUsage().rss;
    await flood();
    await flood();
    // Node's own buffers of 200 MiB sent are collected at its leisure.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
    await opened.expectUndisturbed(worker);
  });

  test("any number of connections that say nothing do not keep the worker out", async () => {
    const opened = await Opened.start();
    const silent = Array.from({ length: 200 }, () => {
      const socket = dial(opened.port, "127.0.0.1").on("error", () => {});
      toClose.push(socket.resume());
      return socket;
    });
    await eventually(() => expect(silent.every((socket) => !socket.connecting)).toBe(true));
    await opened.expectUndisturbed(await opened.worker());
    const hungUp = () => silent.filter((socket) => socket.destroyed).length;
    // The worker's connection came last of all: it is the oldest that go.
    await eventually(() => expect(hungUp()).toBeGreaterThanOrEqual(200 - 64));
  });

  test("large messages pass in both directions", async () => {
    const opened = await Opened.start();
    const worker = await opened.worker();
    await worker.send("x".repeat(50_000_000));
    await eventually(() => expect(opened.messages).toHaveLength(2));
    expect(opened.messages.pop()).toHaveLength(50_000_000);
    await opened.connection.send(Buffer.alloc(50_000_000));
    expect((await worker.receive())[0]).toHaveLength(50_000_000);
    await opened.expectUndisturbed(worker);
  });

  test("what the worker sent last comes before its end", async () => {
    const opened = await Opened.start();
    const worker = await opened.worker();
    worker.linger = 30_000;
    for (let i = 0; i < 100; i++) {
      await worker.send("x".repeat(100_000));
    }
    worker.close();
    await eventually(() => expect(opened.disconnects).toBe(1));
    expect(opened.messages).toHaveLength(101);
  });

  test("clients of pyzmq fare the same", async () => {
    const opened = await Opened.start();
    const worker = await opened.worker();
    const python = `${root}/.venv/bin/python`;
    const script = `${root}/test/worker/transport/intruders.py`;
    const { endpoint, keys } = opened.connection;
    const { stdout } = await promisify(execFile)(python, [script, endpoint, keys!]);
    expect(stdout.trim().split("\n")).toEqual([
      "no key: turned away",
      "PLAIN: turned away",
      "wrong server key: turned away",
      "unknown client key: turned away",
      "right keys: came in",
    ]);
    // The last one has the worker's own keys: it is let in, and not listened to.
    await eventually(() =>
      expect(opened.strays).toEqual([expect.stringContaining("a second process connected")]),
    );
    opened.strays.splice(0);
    await opened.expectUndisturbed(worker);
  });

  test("an address that is taken, or none of this machine, is told with the key to change", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    try {
      await expect(Opened.start({ ...tcp, port })).rejects.toThrow(/taken.*connection\.port/);
    } finally {
      server.close();
    }
    const elsewhere = Opened.start({ ...tcp, host: "192.0.2.1" });
    await expect(elsewhere).rejects.toThrow(/no such address.*connection\.host/);
  });

  describe.skipIf(!hasIpv6)("on an IPv6 address", () => {
    const ipv6 = { ...tcp, host: "::1" };

    test("messages go both ways, and strangers are turned away", async () => {
      const opened = await Opened.start(ipv6);
      expect(opened.connection.endpoint).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
      const worker = await opened.worker({ ipv6: true });
      const stranger = new Dealer({ linger: 0, ipv6: true });
      toClose.push(stranger);
      await turnedAway(stranger, opened.connection.endpoint);
      await opened.expectUndisturbed(worker);
    });

    test("a port that is taken is told with its address", async () => {
      const { port } = await Opened.start(ipv6);
      const second = Opened.start({ ...ipv6, port });
      await expect(second).rejects.toThrow(`cannot bind the worker's socket tcp://[::1]:${port}`);
    });
  });

  test("a name is listened to where workers look for it", async () => {
    const opened = await Opened.start({ ...tcp, host: "localhost" });
    expect(opened.connection.endpoint).toMatch(/^tcp:\/\/localhost:\d+$/);
    await opened.expectUndisturbed(await opened.worker());
  });

  test("what is advertised takes the place of the address listened on", async () => {
    const { connection } = await Opened.start({ ...tcp, advertise: "workstation.example" });
    expect(connection.endpoint).toMatch(/^tcp:\/\/workstation\.example:\d+$/);
  });

  test("where every address is listened on, the machine's name is told", async () => {
    const { connection } = await Opened.start({ ...tcp, host: "0.0.0.0" });
    expect(connection.endpoint).toMatch(new RegExp(`^tcp://${hostname()}:\\d+$`));
  });

  test("the listener opens and closes any number of times", async () => {
    for (let i = 0; i < 40; i++) {
      const opened = await Opened.start();
      const worker = await opened.worker();
      opened.connection.close();
      worker.close();
    }
  });
});

test("a key's text form is that of RFC 32", () => {
  const bytes = Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b);
  expect(z85(bytes)).toBe("HelloWorld");
});
