import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { builtinLoad } from "../../src/worker/conformance/payloads.js";
import { WorkerLost } from "../../src/worker/contract.js";
import { openSession } from "../../src/worker/session.js";
import { readWorkerSpec, type WorkerSpec } from "../../src/worker/spec.js";
import { makeKeys, writeWorkerKeys } from "../../src/worker/transport/authentication.js";
import { workerContract } from "./contract.js";
import { processesWith } from "./processes.js";
import { hasIpv6 } from "./transport/ipv6.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const fake = readWorkerSpec("fake", root);

describe("session with the fake engine", () => {
  workerContract(() => openSession(fake, { root }));

  test("two at once are two processes", async () => {
    const workers = await Promise.all([openSession(fake, { root }), openSession(fake, { root })]);
    const pids = workers.map(({ hello }) => hello.pid);
    expect(new Set([...pids, process.pid]).size).toBe(3);
    await Promise.all(workers.map((worker) => worker.close()));
    const left = processesWith("averse_worker").filter(({ pid }) => pids.includes(pid));
    expect(left).toEqual([]);
  });

  test("a worker that is killed while idle is lost at the next call", async () => {
    const worker = await openSession(fake, { root });
    await worker.call("load", builtinLoad);
    process.kill(worker.hello.pid, "SIGKILL");
    const error = await lossOf(() => worker.call("ping", {}));
    expect(error.reason).toBe("exited");
    expect(error.message).toMatch(/SIGKILL/);
    await worker.close();
  });

  test("what the worker prints goes to the log, and its environment is the spec's", async () => {
    const log = new PassThrough();
    const spec: WorkerSpec = {
      ...fake,
      argv: ["{python}", "-c", "import os, sys; print(os.environ['DEVICE'], os.environ['OWN'])"],
      environment: { DEVICE: "its own", OWN: "{session}" },
    };
    const opening = openSession(spec, { root, log });
    const error = await lossOf(() => opening);
    expect(error.message).toContain("exited with code 0 before its hello");
    log.end();
    expect(await text(log)).toMatch(/^its own [0-9a-f-]{36}\n$/);
  });

  test("arguments that the worker refuses are told in its own words", async () => {
    const mark = randomUUID();
    const argv: WorkerSpec["argv"] = [...fake.argv, "--engine", mark];
    const error = await lossOf(() => openSession({ ...fake, argv }, { root }));
    expect(error.message).toContain("exited with code 2 before its hello");
    expect(error.message).toContain(`invalid choice: '${mark}'`);
  });
});

describe("session over TCP", () => {
  const connection = { ...fake.connection, transport: "tcp" } as const;
  const locked: WorkerSpec = { ...fake, argv: [...fake.argv, "--keys", "{keys}"], connection };

  workerContract(() => openSession(locked, { root }));

  test.skipIf(!hasIpv6)("a worker comes in over IPv6 as well", async () => {
    const spec: WorkerSpec = { ...locked, connection: { ...connection, host: "::1" } };
    const worker = await openSession(spec, { root });
    try {
      expect(worker.hello.engine).toBe("fake");
    } finally {
      await worker.close();
    }
  });

  test("a worker without its keys refuses to start", async () => {
    const error = await lossOf(() => openSession({ ...locked, argv: fake.argv }, { root }));
    expect(error.message).toMatch(/exited with code 2 before its hello.*requires keys/);
  });

  test("a worker with another session's keys stays outside", async () => {
    const folder = mkdtempSync(join(tmpdir(), "averse-other-keys-"));
    try {
      const file = join(folder, "keys.json");
      writeWorkerKeys(file, makeKeys());
      const argv: WorkerSpec["argv"] = [...fake.argv, "--keys", file];
      const spec: WorkerSpec = { ...locked, argv, start_seconds: 2 };
      const error = await lossOf(() => openSession(spec, { root }));
      expect(error.reason).toBe("never-connected");
      expect(error.message).toContain("sent no message within 2 s");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("secrets reach the worker through its environment, and nothing that is told of it", async () => {
  const token = `hf_${randomUUID()}`;
  vi.stubEnv("HF_TOKEN", token);
  try {
    const log = new PassThrough();
    const code = "import os, sys; sys.exit(int(os.environ['HF_TOKEN'] == sys.argv[1][::-1]) * 9)";
    const argv: WorkerSpec["argv"] = ["{python}", "-c", code, [...token].reverse().join("")];
    const told = [
      await lossOf(() => openSession({ ...fake, argv }, { root, log })),
      await lossOf(() => openSession({ ...fake, argv: ["/no/such/program"] }, { root, log })),
    ];
    expect(told[0]!.message).toContain("exited with code 9");
    log.end();
    expect(JSON.stringify([told.map(inFull), await text(log)])).not.toContain(token);
  } finally {
    vi.unstubAllEnvs();
  }
});

/** Everything that a log of the error could show. */
function inFull(error: Error): unknown[] {
  const { cause } = error;
  return [inspect(error, { depth: 9 }), cause instanceof Error ? inFull(cause) : cause];
}

async function lossOf(action: () => Promise<unknown>): Promise<WorkerLost> {
  // A loss is told at the next call at the latest, which may be a call or two after the kill.
  for (;;) {
    try {
      await action();
    } catch (error) {
      expect(error).toBeInstanceOf(WorkerLost);
      return error as WorkerLost;
    }
  }
}
