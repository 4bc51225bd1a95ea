import { randomUUID } from "node:crypto";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { openSession } from "../../src/worker/session.js";
import { readWorkerSpec, type WorkerSpec } from "../../src/worker/spec.js";
import { WorkerLost } from "../../src/worker.js";
import { workerContract } from "./contract.js";
import { loadPayload } from "./payloads.js";
import { processesWith } from "./processes.js";

// Starting Python on a busy machine takes its time; nothing here waits for a clock.
vi.setConfig({ testTimeout: 60_000 });

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
    await worker.call("load", loadPayload);
    process.kill(worker.hello.pid, "SIGKILL");
    const error = await lossOf(() => worker.call("ping", {}));
    expect(error.reason).toBe("exited");
    expect(error.message).toMatch(/SIGKILL/);
    await worker.close();
  });

  test("what the worker prints goes to the log, and its environment is the caller's", async () => {
    const log = new PassThrough();
    const spec: WorkerSpec = {
      ...fake,
      argv: ["{python}", "-c", "import os, sys; print(os.environ['DEVICE'], os.environ['OWN'])"],
      environment: { DEVICE: "of the spec", OWN: "{session}" },
    };
    const opening = openSession(spec, { root, log, environment: { DEVICE: "of the trial" } });
    const error = await lossOf(() => opening);
    expect(error.message).toContain("exited with code 0 before its hello");
    log.end();
    expect(await text(log)).toMatch(/^of the trial [0-9a-f-]{36}\n$/);
  });

  test("arguments that the worker refuses are told in its own words", async () => {
    const mark = randomUUID();
    const argv: WorkerSpec["argv"] = [...fake.argv, "--engine", mark];
    const error = await lossOf(() => openSession({ ...fake, argv }, { root }));
    expect(error.message).toContain("exited with code 2 before its hello");
    expect(error.message).toContain(`invalid choice: '${mark}'`);
  });
});

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
