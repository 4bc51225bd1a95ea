/** Where a worker's temporary files lie, and that they go with it, however it ends. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { builtinLoad, builtinSft } from "../../src/worker/conformance/payloads.js";
import { WorkerLost } from "../../src/worker/contract.js";
import { openSession } from "../../src/worker/session.js";
import { type WorkerSpec, workerSpecSchema } from "../../src/worker/spec.js";

// Starting Python on a busy machine takes its time; nothing here waits for a clock.
vi.setConfig({ testTimeout: 60_000 });

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The machine's folder for temporary files, empty and the test's own. */
function machineFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "averse-tmp-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}

function specOf(argv: readonly string[], changes: object = {}): WorkerSpec {
  const environment = { PYTHONPATH: "{root}/python" };
  return workerSpecSchema.parse({ name: "temporary", argv, environment, ...changes });
}

async function lost(promise: Promise<unknown>): Promise<WorkerLost> {
  const error = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WorkerLost);
  return error as WorkerLost;
}

test("a worker killed in SFT leaves nothing behind", async () => {
  const folder = machineFolder();
  const script = join(root, "test", "worker", "dies_in_sft.py");
  const spec = specOf(["{python}", script, "--endpoint", "{endpoint}", "--session", "{session}"]);
  const worker = await openSession(spec, { root });
  await worker.call("load", builtinLoad);
  const [session, ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  const error = await lost(worker.call("sft", builtinSft({ steps: 1, batch: 1 })));
  expect(error.message).toContain("SIGKILL");
  const scratch = error.stderrTail.at(-1)!;
  expect(scratch).toMatch(/averse-sft-\w+$/);
  expect(dirname(dirname(scratch))).toBe(join(folder, session!));
  expect(existsSync(scratch)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});

/** What a worker with this spec, which says it and leaves, has for TMPDIR. */
async function temporaryOf(changes: object, extra: readonly string[] = []): Promise<string> {
  const log = new PassThrough();
  const argv = ["{python}", "-c", "import os; print(os.environ['TMPDIR'])", ...extra];
  await lost(openSession(specOf(argv, changes), { root, log }));
  log.end();
  return (await text(log)).trimEnd();
}

test("the worker's file may name another folder", async () => {
  machineFolder();
  const environment = { TMPDIR: "/of/the/spec" };
  expect(await temporaryOf({ environment })).toBe("/of/the/spec");
});

test("over TCP, where it may be on another machine, it has its own", async () => {
  const folder = machineFolder();
  const connection = { transport: "tcp" };
  expect(await temporaryOf({ connection }, ["{keys}"])).toBe(folder);
});
