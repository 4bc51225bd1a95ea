/** Workers that were started by hand, with the fake engine. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { readAttachFile, writeAttachFile } from "../../../src/worker/attach-file.js";
import { builtinLoad } from "../../../src/worker/conformance/payloads.js";
import { EnvironmentError, WorkerLost } from "../../../src/worker/contract.js";
import { pythonPath } from "../../../src/worker/python-path.js";
import { openSession } from "../../../src/worker/session.js";
import { readWorkerSpec, type WorkerSpec } from "../../../src/worker/spec.js";
import { eventually } from "../../eventually.js";
import { workerContract } from "../contract.js";
import { processesWith } from "../processes.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const shipped = readWorkerSpec("attach", root);

/** A worker as a user starts it, in a terminal of their own. */
class Started {
  said = "";
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;

  /** @param ends of its first workers before their hello, as a file; null: they have none */
  constructor(file: string, more: readonly string[] = [], ends: string | null = null) {
    const argv = ["-m", "averse_worker", "--attach", file, "--engine", "fake", ...more];
    const own = ends === null ? [] : [join(root, "test/worker/lost-before-hello")];
    this.child = spawn(pythonPath(root), argv, {
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        PYTHONPATH: [...own, join(root, "python")].join(delimiter),
        ...(ends === null ? {} : { AVERSE_TEST_ENDS: ends }),
      },
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.said += text;
    });
    this.ended = new Promise((resolve) => this.child.once("exit", resolve));
  }

  async stop(): Promise<number | null> {
    this.child.kill("SIGTERM");
    return this.ended;
  }
}

describe("a worker that was started by hand", { timeout: 90_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "averse-attach-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  let made = 0;
  async function newFile(workers = 1): Promise<string> {
    made += 1;
    const file = join(folder, `${made}.json`);
    writeAttachFile(file, { host: "127.0.0.1", port: await freePorts(), workers });
    return file;
  }
  const specOf = (file: string): WorkerSpec => ({ ...shipped, attach: { file } });

  describe("keeps to the contract", () => {
    let spec: WorkerSpec;
    let started: Started;
    beforeAll(async () => {
      const file = await newFile(2);
      spec = specOf(file);
      started = new Started(file);
    });
    afterAll(() => started.stop());

    workerContract(() => openSession(spec, { root }));
  });

  test("serves one controller after the other, each with a fresh process, and ends by SIGTERM", async () => {
    const file = await newFile();
    const spec = specOf(file);
    const started = new Started(file);
    onTestFinished(() => void started.stop());
    const pids: number[] = [];
    for (let run = 0; run < 2; run += 1) {
      const worker = await openSession(spec, { root });
      await worker.call("load", builtinLoad);
      pids.push(worker.hello.pid);
      const second = openSession(spec, { root });
      await expect(second).rejects.toThrow(/all attached workers of .* are in use/);
      await expect(second).rejects.toBeInstanceOf(EnvironmentError);
      await worker.close();
    }
    expect(new Set([...pids, started.child.pid]).size).toBe(3);
    expect(started.child.exitCode).toBeNull();
    expect(await started.stop()).toBe(0);
    expect(started.said.match(/serving the controller/g)).toHaveLength(2);
    expect(processesWith(readAttachFile(file).session)).toEqual([]);
  });

  test("one whose process dies is lost, and the next session has another", async () => {
    const file = await newFile();
    const started = new Started(file);
    onTestFinished(() => void started.stop());
    const worker = await openSession(specOf(file), { root });
    await worker.call("load", builtinLoad);
    process.kill(worker.hello.pid, "SIGKILL");
    const error = await lossOf(async () => {
      for (;;) await worker.call("ping", {});
    });
    expect(error.message).toMatch(
      /^the worker "attach" at tcp:\/\/127\.0\.0\.1:\d+ was lost .*: the connection ended; its own output says why$/,
    );
    await worker.close();
    const next = await openSession(specOf(file), { root });
    expect(next.hello.pid).not.toBe(worker.hello.pid);
    await next.close();
  });

  function startedWithEnd(file: string, end: string): Started {
    const ends = `${file}.ends`;
    writeFileSync(ends, end);
    const started = new Started(file, [], ends);
    onTestFinished(() => {
      for (const { pid } of processesWith(readAttachFile(file).session)) kill(pid, "SIGKILL");
      return started.stop().then(() => {});
    });
    return started;
  }
  const kill = (pid: number, signal: NodeJS.Signals) => process.kill(pid, signal);

  test("one that dies before its hello is lost at once, and the next session has another", async () => {
    const file = await newFile();
    startedWithEnd(file, "SIGKILL");
    const error = await lossOf(() => openSession(specOf(file), { root }));
    expect(error.message).toMatch(
      /^the worker "attach" at tcp:\/\/127\.0\.0\.1:\d+ was lost while it was starting: the connection ended; its own output says why$/,
    );
    expect(error.passing).toBe(true);
    await (await openSession(specOf(file), { root })).close();
  });

  test("one whose heartbeats cease before its hello is lost, and serves again once it goes on", async () => {
    const file = await newFile();
    startedWithEnd(file, "SIGSTOP");
    const error = await lossOf(() => openSession(specOf(file), { root }));
    expect(error.message).toMatch(/was lost while it was starting: the connection ended; /);
    expect(error.passing).toBe(true);
    for (const { pid } of processesWith(readAttachFile(file).session)) kill(pid, "SIGCONT");
    await (await openSession(specOf(file), { root })).close();
  });

  test("one that connects and says nothing is told from one that is not there", async () => {
    const file = await newFile();
    startedWithEnd(file, "hang");
    const spec = { ...specOf(file), start_seconds: 20 };
    const error = await lossOf(() => openSession(spec, { root }));
    expect(error.message).toMatch(
      /^the worker "attach" at tcp:\S+ connected and sent no message within 20 s \(start_seconds\); look at its output there$/,
    );
  });

  test("its process goes when the controller does, and it waits for the next", async () => {
    const file = await newFile();
    const started = new Started(file);
    onTestFinished(() => void started.stop());
    const spec = join(folder, "killed.json");
    writeFileSync(spec, JSON.stringify(specOf(file)));
    const script = `
      import { readFileSync } from "node:fs";
      const { openSession } = await import(${JSON.stringify(join(root, "dist/worker/session.js"))});
      const worker = await openSession(JSON.parse(readFileSync(${JSON.stringify(spec)})), { root: ${JSON.stringify(root)} });
      console.log(worker.hello.pid);
      setInterval(() => {}, 1000);`;
    const controller = spawn(process.execPath, ["--input-type=module", "-e", script]);
    const pid = await new Promise<number>((resolve) =>
      controller.stdout.once("data", (text: Buffer) => resolve(Number(text))),
    );
    controller.kill("SIGKILL");
    await eventually(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"));
    const worker = await openSession(specOf(file), { root });
    await worker.close();
    expect(started.child.exitCode).toBeNull();
  });

  test("where none is there, the message says what to start", async () => {
    const file = await newFile();
    const error = await lossOf(() =>
      openSession({ ...specOf(file), start_seconds: 0.5 }, { root }),
    );
    expect(error.message).toMatch(
      /^the worker "attach" did not connect to tcp:\/\/127\.0\.0\.1:\d+; start it where it shall run, in the package's folder: \.venv\/bin\/python -m averse_worker --attach \S+\.json --engine torch/,
    );
  });

  test("one with other keys is kept out, and told", async () => {
    const file = await newFile();
    const other = JSON.parse(readFileSync(await newFile(), "utf8"));
    const { host, port } = JSON.parse(readFileSync(file, "utf8"));
    const wrong = join(folder, "wrong.json");
    writeFileSync(wrong, JSON.stringify({ ...other, host, port }), { mode: 0o600 });
    const started = new Started(wrong);
    onTestFinished(() => void started.stop());
    const error = await lossOf(() => openSession({ ...specOf(file), start_seconds: 8 }, { root }));
    expect(error.message).toMatch(
      /a program with other keys tried to; both sides need the same file$/,
    );
  });

  test("a file that others may read is refused by both sides", async () => {
    const file = await newFile();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o640);
    await expect(openSession(specOf(file), { root })).rejects.toThrow(/has mode 640/);
    const started = new Started(file);
    expect(await started.ended).toBe(2);
    expect(started.said).toMatch(/have mode 640, so other users may have read them/);
  });

  test.each([
    ["{}", /host: /],
    ["no JSON", /is no file of `averse backends keys`/],
  ])("a file with %s is refused, without quoting it", (content, words) => {
    const file = join(folder, "content.json");
    writeFileSync(file, content, { mode: 0o600 });
    expect(() => readAttachFile(file)).toThrow(words);
  });

  test("arguments that the worker refuses end it with 2", async () => {
    const file = await newFile();
    const started = new Started(file, ["--engine", "nope"]);
    expect(await started.ended).toBe(2);
    expect(started.said).toContain("invalid choice: 'nope'");
  });
});

async function lossOf(action: () => Promise<unknown>): Promise<WorkerLost> {
  const error = await action().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WorkerLost);
  return error as WorkerLost;
}

/** The first of two that nobody has; another program may take one of them meanwhile. */
function freePorts(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port > 65_000 ? port - 100 : port));
    });
  });
}
