import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { LineTail } from "../../src/worker/line-tail.js";
import { exitText, WorkerProcess } from "../../src/worker/process.js";
import { groupExists } from "../../src/worker/process-group.js";
import { eventually } from "../eventually.js";
import { processesWith } from "./processes.js";

const mark = randomUUID();
const node = (code: string) => [process.execPath, "-e", code, mark];
const start = (argv: readonly string[], environment = {}) =>
  WorkerProcess.start({ argv, environment });

afterEach(() => {
  expect(processesWith(mark)).toEqual([]);
});

describe("worker process", () => {
  test("tells exit code, and the last lines of stderr", async () => {
    const worker = await start(node("console.error('one\\ntwo'); process.exitCode = 3"));
    const exit = await worker.exited;
    expect(exit).toEqual({ code: 3, signal: null });
    expect(exitText(exit)).toBe("exited with code 3");
    expect(worker.stderrTail()).toEqual(["one", "two"]);
  });

  test("tells the signal", async () => {
    const worker = await start(node("process.kill(process.pid, 'SIGKILL')"));
    expect(exitText(await worker.exited)).toBe("was killed by SIGKILL");
  });

  test("the log gets both streams, and stays open", async () => {
    const log = new PassThrough();
    const argv = node("console.log('out'); console.error('err ' + process.env.MINE)");
    const worker = await WorkerProcess.start({ argv, environment: { MINE: "x" }, log });
    await worker.exited;
    expect(log.writableEnded).toBe(false);
    log.end();
    expect((await text(log)).split("\n").sort()).toEqual(["", "err x", "out"]);
  });

  test("a log that fails does not stop the worker", async () => {
    const log = new Writable({ write: (_chunk, _encoding, done) => done(new Error("disk full")) });
    const failed = once(log, "error");
    const argv = node("console.log('x'.repeat(1_000_000)); console.error('y'.repeat(1_000_000))");
    const worker = await WorkerProcess.start({ argv, environment: {}, log });
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(await failed).toEqual([new Error("disk full")]);
  });

  test("leads a group of its own", async () => {
    const worker = await start(node("setInterval(() => {}, 1000)"));
    expect(processesWith(mark)).toEqual([
      expect.objectContaining({ pid: worker.pid, group: worker.pid }),
    ]);
    expect(await worker.stop(5000)).toEqual({ code: null, signal: "SIGTERM" });
    expect(groupExists(worker.pid)).toBe(false);
    // Safe after the end, too.
    expect(await worker.stop(5000)).toEqual({ code: null, signal: "SIGTERM" });
  });

  test("SIGKILL follows where SIGTERM is ignored", async () => {
    const worker = await start(
      node("process.on('SIGTERM', () => {}); console.error('ready'); setInterval(() => {}, 1000)"),
    );
    await eventually(() => expect(worker.stderrTail()).toEqual(["ready"]));
    expect(await worker.stop(300)).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("what it started goes with it", async () => {
    const grandchild = `setInterval(() => {}, 1000)`;
    const worker = await start(
      node(`
        const { spawn } = require("node:child_process");
        const args = ["-e", ${JSON.stringify(grandchild)}, ${JSON.stringify(mark)}];
        spawn(process.execPath, args, { stdio: "inherit" }).on("spawn", () => process.exit(0));
      `),
    );
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    await eventually(() => expect(processesWith(mark)).toEqual([]));
  });

  test("a program that is not there", async () => {
    await expect(start(["/no/such/program"])).rejects.toThrow(/\/no\/such\/program.*ENOENT/s);
  });
});

describe("tail of stderr", () => {
  const tailOf = (...chunks: (string | Buffer)[]) => {
    const tail = new LineTail(3, 5);
    for (const chunk of chunks) {
      tail.write(Buffer.from(chunk));
    }
    return tail.lines();
  };

  test("keeps the last lines, the open one among them", () => {
    expect(tailOf("a\nb\nc\nd\n")).toEqual(["b", "c", "d"]);
    expect(tailOf("a\nb\nc", "d")).toEqual(["a", "b", "cd"]);
    expect(tailOf("a\nb\nc\nd")).toEqual(["b", "c", "d"]);
  });
  test("drops empty lines, and cuts wide ones", () => {
    expect(tailOf("a\n\n  \nb\r\nc\r", "1234567\n")).toEqual(["b", "c", "12345"]);
  });
  test("a line without end does not grow", () => {
    expect(tailOf(...Array(1000).fill("xxxxxxxxxx"))).toEqual(["xxxxx"]);
  });
  test("a character may come in two chunks", () => {
    const bytes = Buffer.from("αβ");
    expect(tailOf(bytes.subarray(0, 3), bytes.subarray(3))).toEqual(["αβ"]);
  });
});
