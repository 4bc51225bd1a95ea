import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Dealer } from "zeromq";
import { workerSpecSchema } from "../../../src/worker/spec.js";
import { Connection } from "../../../src/worker/transport/connection.js";
import { makeSocketFolder } from "../../../src/worker/transport/socket-folder.js";
import { eventually } from "../../eventually.js";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytes = (content: string) => Buffer.from(content);
const { connection: ipc } = workerSpecSchema.parse({ name: "x", argv: ["x"] });
const folderOf = (connection: Connection) => dirname(connection.endpoint.slice("ipc://".length));

describe("connection", () => {
  const dealers: Dealer[] = [];
  const connections: Connection[] = [];
  const seen = { messages: [] as string[], strays: [] as string[], disconnects: 0 };

  async function open(): Promise<Connection> {
    Object.assign(seen, { messages: [], strays: [], disconnects: 0 });
    const receiver = {
      message: (content: Uint8Array) => seen.messages.push(text(content)),
      stray: (content: string) => seen.strays.push(content),
      disconnected: () => {
        seen.disconnects += 1;
      },
    };
    const connection = await Connection.open(receiver, ipc, randomUUID());
    connections.push(connection);
    return connection;
  }
  function dealerOf(connection: Connection): Dealer {
    const dealer = new Dealer({ linger: 0 });
    dealer.connect(connection.endpoint);
    dealers.push(dealer);
    return dealer;
  }
  afterEach(() => {
    for (const socket of [...dealers.splice(0), ...connections.splice(0)]) {
      socket.close();
    }
  });

  test("many sends at once arrive in order", async () => {
    const connection = await open();
    const dealer = dealerOf(connection);
    await dealer.send("hello");
    await eventually(() => expect(seen.messages).toEqual(["hello"]));
    const numbers = Array.from({ length: 2000 }, (_, i) => String(i));
    const sent = Promise.all(numbers.map((number) => connection.send(bytes(number))));
    const received: string[] = [];
    while (received.length < numbers.length) {
      const [message] = await dealer.receive();
      received.push(text(message!));
    }
    await sent;
    expect(received).toEqual(numbers);
  });

  test("many messages at once arrive in order, large ones whole", async () => {
    const connection = await open();
    const dealer = dealerOf(connection);
    const numbers = Array.from({ length: 2000 }, (_, i) => String(i));
    for (const number of numbers) {
      await dealer.send(number);
    }
    await dealer.send("x".repeat(10_000_000));
    await eventually(() => expect(seen.messages).toHaveLength(2001));
    expect(seen.messages.slice(0, 2000)).toEqual(numbers);
    expect(seen.messages[2000]).toHaveLength(10_000_000);
  });

  test("nothing can be sent before the worker has spoken, or after it left", async () => {
    const connection = await open();
    await expect(connection.send(bytes("early"))).rejects.toThrow("is not connected");
    const dealer = dealerOf(connection);
    await dealer.send("hello");
    await eventually(() => expect(seen.messages).toEqual(["hello"]));
    expect(seen.disconnects).toBe(0);
    dealer.close();
    await eventually(() => expect(seen.disconnects).toBe(1));
    await expect(connection.send(bytes("late"))).rejects.toThrow("is not connected");
  });

  test("a failed send does not hold up the next", async () => {
    const connection = await open();
    await expect(connection.send(bytes("early"))).rejects.toThrow();
    const dealer = dealerOf(connection);
    await dealer.send("hello");
    await eventually(() => expect(seen.messages).toEqual(["hello"]));
    await connection.send(bytes("now"));
    expect(text((await dealer.receive())[0]!)).toBe("now");
  });

  test("a second peer and torn messages are reported, not taken", async () => {
    const connection = await open();
    const first = dealerOf(connection);
    await first.send("hello");
    await eventually(() => expect(seen.messages).toEqual(["hello"]));
    await first.send(["two", "frames"]);
    await dealerOf(connection).send("intruder");
    await eventually(() => expect(seen.strays).toHaveLength(2));
    expect(seen.strays.join()).toMatch(/2 frames.*second process|second process.*2 frames/);
    expect(seen.messages).toEqual(["hello"]);
  });

  test("a second peer that leaves does not look like the worker's end", async () => {
    const connection = await open();
    const worker = dealerOf(connection);
    await worker.send("hello");
    await eventually(() => expect(seen.messages).toEqual(["hello"]));
    const second = dealerOf(connection);
    await second.send("intruder");
    await eventually(() => expect(seen.strays).toHaveLength(1));
    second.close();
    const left = new Dealer({ linger: 0 });
    const ends = left.events;
    left.connect(connection.endpoint);
    for await (const { type } of ends) {
      if (type === "handshake") break;
    }
    left.close();
    await worker.send("still here");
    await eventually(() => expect(seen.messages).toHaveLength(2));
    await connection.send(bytes("and you"));
    expect(text((await worker.receive())[0]!)).toBe("and you");
    expect(seen.disconnects).toBe(0);
  });

  test("a worker that came in and leaves before its first message is told", async () => {
    const connection = await open();
    expect(connection.welcomed).toBe(false);
    const dealer = dealerOf(connection);
    await eventually(() => expect(connection.welcomed).toBe(true));
    expect(seen.disconnects).toBe(0);
    dealer.close();
    await eventually(() => expect(seen.disconnects).toBe(1));
    await expect(connection.send(bytes("late"))).rejects.toThrow("is not connected");
    expect(seen).toMatchObject({ messages: [], strays: [] });
  });

  test("what the worker sent last comes before its end", async () => {
    const connection = await open();
    const dealer = dealerOf(connection);
    dealer.linger = 5000;
    for (let i = 0; i < 100; i++) {
      await dealer.send(String(i));
    }
    dealer.close();
    await eventually(() => expect(seen.disconnects).toBe(1));
    expect(seen.messages).toHaveLength(100);
    expect(connection.endpoint).toMatch(/^ipc:/);
  });

  test("the folder is private, and gone after close", async () => {
    const connection = await open();
    const folder = folderOf(connection);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    connection.close();
    connection.close();
    expect(existsSync(folder)).toBe(false);
    await expect(connection.send(bytes("late"))).rejects.toThrow("is not connected");
  });

  test("close with receives and sends under way settles them", async () => {
    const connection = await open();
    const dealer = dealerOf(connection);
    await dealer.send("hello");
    await eventually(() => expect(seen.messages).toEqual(["hello"]));
    const sends = Array.from({ length: 100 }, () => connection.send(bytes("x")));
    connection.close();
    expect(await Promise.allSettled(sends)).toHaveLength(100);
    expect(seen).toMatchObject({ strays: [], disconnects: 0 });
  });
});

describe("socket folder", () => {
  test("where none can be made, says where and what to do", () => {
    expect(() => makeSocketFolder("/no/such/folder")).toThrow(/\/no\/such\/folder.*TMPDIR/s);
  });

  test("a path too long for a socket is refused, and nothing left behind", () => {
    const { socket, remove } = makeSocketFolder();
    try {
      const folder = join(dirname(socket), "x".repeat(90));
      mkdirSync(folder);
      expect(() => makeSocketFolder(folder)).toThrow(/bytes in its path.*TMPDIR/);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      remove();
    }
    expect(existsSync(dirname(socket))).toBe(false);
  });
});
