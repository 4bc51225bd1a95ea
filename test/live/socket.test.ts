/** Runs and views over real sockets: many of them, rude ones, dead ones, and long paths. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { RunCommand } from "../../src/engine/commands.js";
import type { JournalEvent } from "../../src/journal/events.js";
import { readAddress } from "../../src/live/address.js";
import { connectToRun, type RunLink } from "../../src/live/client.js";
import type { ProgressMessage } from "../../src/live/messages.js";
import { type RunServer, serveRun } from "../../src/live/server.js";
import { eventually } from "../eventually.js";

const folders: string[] = [];
const servers: RunServer[] = [];
const sockets: Socket[] = [];

/** Handles that keep this process alive. */
const pipes = () => process.getActiveResourcesInfo().filter((name) => /Pipe/.test(name)).length;
const pipesAtStart = pipes();

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function runFolder(name = "run"): string {
  const folder = mkdtempSync(join(tmpdir(), "averse-live-"));
  folders.push(folder);
  const run = join(folder, name);
  mkdirSync(run, { recursive: true });
  return run;
}

async function served(run: string, ask: (command: RunCommand) => string | null = () => null) {
  const server = await serveRun(run, ask);
  servers.push(server);
  return server;
}

class View {
  link: RunLink | null = null;
  journal = 0;
  readonly progress: ProgressMessage[] = [];
  closed = 0;
  #changed: () => void = () => {};

  static async of(run: string): Promise<View> {
    const view = new View();
    view.link = await connectToRun(run, {
      onJournal: () => view.#note(() => (view.journal += 1)),
      onProgress: (progress) => view.#note(() => view.progress.push(progress)),
      onClosed: () => view.#note(() => (view.closed += 1)),
    });
    return view;
  }

  #note(change: () => void): void {
    change();
    this.#changed();
  }

  until(holds: (view: View) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (holds(this)) resolve();
      };
      this.#changed();
    });
  }
}

const stepOf = (trial: string, done: number): ProgressMessage => {
  return { kind: "progress", trial, phase: "sample", done, total: 64, unit: "tokens", loss: null };
};
const event = (seq: number, trial: string | null) =>
  ({ kind: "event", event: { seq, trial } as unknown as JournalEvent }) as const;

/** A connection that speaks no protocol. */
async function raw(run: string): Promise<Socket> {
  const socket = connect(readAddress(run)!);
  socket.on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

describe("a run that is served", () => {
  test("tells every view of its journal and its progress, late ones of the newest", async () => {
    const run = runFolder();
    const server = await served(run);
    const early = await Promise.all([View.of(run), View.of(run), View.of(run)]);
    server.observe(stepOf("a-s0", 1));
    server.observe(stepOf("a-s0", 2));
    server.observe(stepOf("b-s0", 7));
    server.observe(event(1, "b-s0"));
    for (const view of early) {
      await view.until(({ journal }) => journal === 1);
      expect(view.progress).toEqual([stepOf("a-s0", 1), stepOf("a-s0", 2), stepOf("b-s0", 7)]);
      expect(view.link!.pid).toBe(process.pid);
    }
    const late = await View.of(run);
    expect(late.progress).toEqual([stepOf("a-s0", 2)]);
  });

  test("answers each view's commands, refusals too", async () => {
    const run = runFolder();
    const asked: RunCommand[] = [];
    await served(run, (command) => {
      asked.push(command);
      return command === "pause" ? null : `no ${command}`;
    });
    const [one, other] = await Promise.all([View.of(run), View.of(run)]);
    const answers = await Promise.all([
      one!.link!.ask("pause"),
      other!.link!.ask("continue"),
      one!.link!.ask("stop"),
      one!.link!.ask("pause"),
    ]);
    expect(answers).toEqual([null, "no continue", "no stop", null]);
    expect(asked.toSorted()).toEqual(["continue", "pause", "pause", "stop"]);
  });

  test("lets its views go when it ends, once, and leaves nothing behind", async () => {
    const run = runFolder();
    const server = await served(run);
    const view = await View.of(run);
    server.observe(event(1, null));
    await server.close();
    await view.until(({ closed }) => closed > 0);
    // What was told last was read all the same.
    expect(view).toMatchObject({ journal: 1, closed: 1 });
    await expect(view.link!.ask("pause")).rejects.toThrow(/has ended/);
    expect(existsSync(join(run, "control"))).toBe(false);
    expect((await View.of(run)).link).toBeNull();
  });

  test("a question that it can no longer answer fails", async () => {
    const run = runFolder();
    const server: RunServer = await served(run, () => {
      void server.close();
      return null;
    });
    const view = await View.of(run);
    const asked = view.link!.ask("stop");
    await server.close();
    await expect(asked).rejects.toThrow(/ended before it answered/);
  });

  test("minds no view that dies, talks nonsense or says too much", async () => {
    const run = runFolder();
    const server = await served(run);
    const good = await View.of(run);
    for (const words of [
      "garbage\n",
      "\n",
      "{}\n",
      '{"id":1,"command":"rm -rf"}\n',
      '{"id":-1,"command":"pause"}\n',
      '{"id":1,"command":"pause","more":1}\n',
      `${"x".repeat(5000)}\n`,
      Buffer.from([0xff, 0xfe, 0x00, 0x0a]),
      "x".repeat(1 << 20),
    ]) {
      const rude = await raw(run);
      const gone = new Promise((resolve) => rude.once("close", resolve));
      rude.resume();
      rude.write(words);
      await gone;
    }
    const dead = await raw(run);
    dead.write('{"id":1,"comm');
    dead.destroy();
    server.observe(event(1, null));
    await good.until(({ journal }) => journal === 1);
    expect(await good.link!.ask("pause")).toBeNull();
  });

  test("a view that never reads is let go, and holds nothing up, the end neither", async () => {
    const run = runFolder();
    const server = await served(run);
    const deaf = await raw(run);
    deaf.pause();
    const good = await View.of(run);
    const long = { ...stepOf("a-s0", 1), phase: "x".repeat(10_000) };
    const heard = () => good.progress.length;
    for (let sent = 0; sent < 600; sent += 20) {
      for (let one = 0; one < 20; one += 1) server.observe(long);
      await good.until(() => heard() === sent + 20);
    }
    // It hears of its end only once it reads.
    const gone = new Promise((resolve) => deaf.once("close", resolve));
    deaf.resume();
    await gone;
    const another = await raw(run);
    another.pause();
    // It would wait for ever.
    await server.close();
  });

  test("keeps no process alive by itself, nor by its views", async () => {
    // What the tests before left is closing still.
    await eventually(() => expect(pipes()).toBe(pipesAtStart));
    const run = runFolder();
    await served(run);
    const view = await raw(run);
    view.unref();
    await once(view, "data");
    expect(pipes()).toBe(pipesAtStart);
  });
});

describe("the socket's place", () => {
  test("only its user can enter", async () => {
    const run = runFolder();
    const mask = process.umask(0);
    try {
      await served(run);
    } finally {
      process.umask(mask);
    }
    expect(statSync(join(run, "control")).mode & 0o777).toBe(0o700);
  });

  test("a path of any length will do", async () => {
    const run = runFolder(join(..."abc".repeat(30).match(/.{9}/g)!, "long".repeat(50)));
    const server = await served(run, () => "not now");
    const place = readAddress(run)!;
    expect(Buffer.byteLength(place)).toBeLessThanOrEqual(100);
    expect(statSync(dirname(place)).mode & 0o777).toBe(0o700);
    const view = await View.of(run);
    expect(await view.link!.ask("pause")).toBe("not now");
    await server.close();
    expect(existsSync(dirname(place))).toBe(false);
  });

  test("a controller that was killed is seen to be dead, and the next one replaces it", async () => {
    const run = runFolder();
    const control = join(run, "control");
    mkdirSync(control);
    const script = `require("node:net").createServer().listen(${JSON.stringify(join(control, "socket"))}, () => console.log("up"))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "close");
    expect(existsSync(join(control, "socket"))).toBe(true);
    expect((await View.of(run)).link).toBeNull();
    await served(run);
    expect((await View.of(run)).link).not.toBeNull();
  });

  test("a copy of a run's folder does not lead to the run", async () => {
    const run = runFolder("y".repeat(150));
    await served(run, () => null);
    const copy = `${dirname(run)}/copy`;
    cpSync(run, copy, { recursive: true });
    expect(readAddress(copy)).toBe(readAddress(run));
    expect((await View.of(copy)).link).toBeNull();
    expect((await View.of(run)).link).not.toBeNull();
  });

  test.each([
    "../../victim/socket",
    "/etc/socket",
    `${tmpdir()}/averse-view-abc123/../../victim/socket`,
    `${tmpdir()}/averse-view-abc123/victim`,
    "",
  ])("an address that is not ours (%j) is neither used nor removed", async (address) => {
    const run = runFolder();
    mkdirSync(join(run, "control"));
    writeFileSync(join(run, "control", "address"), address);
    expect(readAddress(run)).toBeNull();
    const victim = join(dirname(run), "averse-view-abc123");
    mkdirSync(victim);
    writeFileSync(join(victim, "precious"), "kept");
    // Even one that looks like ours loses no more than a socket.
    mkdirSync(join(run, "control"), { recursive: true });
    writeFileSync(join(run, "control", "address"), join(victim, "socket"));
    await served(run);
    expect(readFileSync(join(victim, "precious"), "utf8")).toBe("kept");
  });

  test("where none can be made, that is said", async () => {
    const run = join(runFolder(), "missing");
    await expect(serveRun(run, () => null)).rejects.toThrow(/ENOENT/);
  });

  test("what answers with anything but a run's words is no run", async () => {
    const run = runFolder();
    const control = join(run, "control");
    mkdirSync(control);
    const script = `require("node:net").createServer((s) => s.end('{"kind":"journal","seq":1}\\nrubbish\\n')).listen(${JSON.stringify(join(control, "socket"))}, () => console.log("up"))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const view = await View.of(run);
    expect(view.link).toBeNull();
    expect(view).toMatchObject({ journal: 0, closed: 0 });
    child.kill();
  });
});
