import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { redaction } from "../../src/text/redaction.js";
import { MARK } from "../../src/worker/orphans.js";
import { LineTail, OutputLines } from "../../src/worker/output.js";
import { exitText, killerOf, WorkerProcess } from "../../src/worker/process.js";
import { eventually } from "../eventually.js";
import { processesWith } from "./processes.js";

const mark = randomUUID();
const node = (code: string) => [process.execPath, "-e", code, mark];
const start = (argv: readonly string[], environment = {}) =>
  WorkerProcess.start({ argv, environment });

/** Ends at once, and leaves a process in a session of its own that holds its output. */
const leavingBehind = `
  const { spawn } = require("node:child_process");
  const args = ["-e", "setInterval(() => {}, 1000)", ${JSON.stringify(mark)}];
  const left = spawn(process.execPath, args, { stdio: "inherit", detached: true });
  left.on("spawn", () => { console.log("pid " + left.pid); process.exit(0); });
`;

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
    expect(processesWith(mark)).toEqual([]);
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

  test("what left its group goes too, and the log tells of it", async () => {
    const log = new PassThrough();
    const session = randomUUID();
    const worker = await WorkerProcess.start({
      argv: node(leavingBehind),
      environment: { [MARK]: session },
      log,
    });
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    await eventually(() => expect(processesWith(mark)).toEqual([]));
    log.end();
    const [, pid] =
      /^pid (\d+)\naverse: ended orphan processes of the worker: \1$/m.exec(await text(log)) ?? [];
    expect(pid).toBeDefined();
  });

  test("one that holds its output for ever, and cannot be found, keeps nothing alive", async () => {
    // Those of earlier tests may go meanwhile.
    const pipes = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === "PipeWrap").length;
    const before = pipes();
    const worker = await start(node(leavingBehind));
    await worker.exited;
    await eventually(() => expect(pipes()).toBeLessThanOrEqual(before));
    const [left] = processesWith(mark);
    process.kill(left!.pid, "SIGKILL");
    await eventually(() => expect(processesWith(mark)).toEqual([]));
  });

  test("secrets are redacted from the log, the last lines and the output, at any cut", async () => {
    const secret = "planted-hub-token";
    const log = new PassThrough();
    const worker = await WorkerProcess.start({
      argv: node(`
        const { writeSync } = require("node:fs");
        const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
        for (const piece of ["a planted-", "hub-", "token b\\n", "z".repeat(995) + "planted-hub-token\\n"]) {
          writeSync(2, piece);
          wait();
        }
        writeSync(1, "out planted-hub-token");
        writeSync(2, "y".repeat(65530) + "planted-hub-token");
      `),
      environment: { HF_TOKEN: secret },
      log,
    });
    const output = worker.errorOutput(() => false, 30_000);
    await worker.exited;
    log.end();
    const told = [await text(log), await output, ...worker.stderrTail()].join("\n");
    expect(told).toContain("a [redacted: HF_TOKEN] b\n");
    expect(told).toContain("out [redacted: HF_TOKEN]\n");
    expect(told).not.toMatch(/plan|token/);
  });

  test("a program that is not there", async () => {
    await expect(start(["/no/such/program"])).rejects.toThrow(/\/no\/such\/program.*ENOENT/s);
  });
});

describe("tail of stderr", () => {
  const tailOf = (...chunks: (string | Buffer)[]) => {
    const tail = new LineTail(3, 5);
    const lines = new OutputLines(redaction(), (text) => tail.write(text));
    for (const chunk of chunks) {
      lines.write(Buffer.from(chunk));
    }
    return tail.lines(lines.open);
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
  test("nor does it grow beyond what is kept of it, and the next line is whole", () => {
    const taken: string[] = [];
    const lines = new OutputLines(redaction(), (text) => taken.push(text));
    for (let chunk = 0; chunk < 100; chunk += 1) {
      lines.write(Buffer.from("x".repeat(10_000)));
    }
    expect(lines.open).toBe("");
    lines.write(Buffer.from("x\nnext"));
    lines.end();
    expect(taken.map((text) => text.length)).toEqual([expect.any(Number), 5]);
    expect(taken[0]!.length).toBeLessThan(70_000);
    expect(taken[0]).toMatch(/x … \[the rest of this line is left out\]\n$/);
    expect(taken[1]).toBe("next\n");
  });
  test("a character may come in two chunks", () => {
    const bytes = Buffer.from("αβ");
    expect(tailOf(bytes.subarray(0, 3), bytes.subarray(3))).toEqual(["αβ"]);
  });
});

describe("what killed it", () => {
  const exited = (code: number) => ({ code, signal: null });
  const torchrun = (...codes: string[]) => [
    "worker FAILED",
    ...codes.flatMap((code) => [`  exitcode  : ${code}`, "  error_file: <N/A>"]),
    "=======",
  ];

  test.each([
    ["itself", { code: null, signal: "SIGKILL" }, [], "SIGKILL"],
    ["behind a shell", exited(143), [], "SIGTERM"],
    ["nothing: its own code", exited(2), [], null],
    ["nothing: ssh's code", exited(255), [], null],
    [
      "of torchrun's processes, the one that ended first",
      exited(1),
      torchrun("-15 (pid: 6)  (SIGTERM)", "-9 (pid: 7)  (SIGKILL)"),
      "SIGKILL",
    ],
    [
      "nothing: torchrun's first process exited by itself",
      exited(1),
      torchrun("-15 (pid: 6)  (SIGTERM)", "1 (pid: 7)"),
      null,
    ],
  ] as const)("%s", (_, exit, lines, killer) => {
    expect(killerOf(exit, lines)).toBe(killer);
  });
});
