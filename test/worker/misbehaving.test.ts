/**
 * Real processes on real sockets, each with one fault: every one must end in a clear error within
 * its deadline, and leave no process behind. The deadlines are the specs' own, set short.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test } from "vitest";
import { PROTOCOL_VERSION, RELEASE } from "../../src/protocol/messages.js";
import { plainRollout, plainUpdate } from "../../src/protocol/plain-payloads.js";
import { builtinLoad } from "../../src/worker/conformance/payloads.js";
import { type Worker, WorkerFailure, WorkerLost } from "../../src/worker/contract.js";
import { openSession, type SessionOptions } from "../../src/worker/session.js";
import { type WorkerSpec, workerSpecSchema } from "../../src/worker/spec.js";
import { processesWith } from "./processes.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const mark = randomUUID();
const scratch = mkdtempSync(join(tmpdir(), "averse-misbehaving-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function specOf(script: string, changes: Partial<WorkerSpec> = {}): WorkerSpec {
  const folder = script === "stuck.py" ? "test/worker" : "test/python/misbehaving";
  const path = `${root}/${folder}/${script}`;
  const plain = {
    name: script,
    argv: ["{python}", path, "--endpoint", "{endpoint}", "--session", "{session}", mark],
    environment: { PYTHONPATH: "{root}/python" },
    stop_seconds: 2,
  };
  return workerSpecSchema.parse({ ...plain, ...changes });
}

let opened: Worker | null = null;

async function open(
  script: string,
  changes: Partial<WorkerSpec> = {},
  options: Partial<SessionOptions> = {},
): Promise<Worker> {
  opened = await openSession(specOf(script, changes), { root, ...options });
  return opened;
}

async function lost(promise: Promise<unknown>): Promise<WorkerLost> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WorkerLost);
  // Whoever hears of the loss may count on the process being gone.
  expect(processesWith(mark)).toEqual([]);
  return error as WorkerLost;
}

async function failed(promise: Promise<unknown>): Promise<WorkerFailure> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WorkerFailure);
  return error as WorkerFailure;
}

async function rolledOut(worker: Worker): Promise<number> {
  await worker.call("load", builtinLoad);
  return (await worker.call("rollout", plainRollout([0, 1]))).rollout;
}
const updateOf = (rollout: number) => plainUpdate(rollout, [1, 1]);

afterEach(async () => {
  await opened?.close();
  opened = null;
  expect(processesWith(mark)).toEqual([]);
});

test("silent: never connects", async () => {
  const error = await lost(open("silent.py", { start_seconds: 1.5 }));
  expect(error.reason).toBe("never-connected");
  expect(error.message).toContain('"silent.py" sent no message within 1.5 s');
  expect(error.message).toContain("start_seconds");
});

test("dies at start: exit code and last words", async () => {
  const error = await lost(open("dies_at_start.py"));
  expect(error.reason).toBe("exited");
  expect(error.message).toContain("exited with code 7 before its hello");
  expect(error.message).toContain("libsomething.so.1");
  expect(error.stderrTail).toEqual([
    "loading libraries",
    "libsomething.so.1: cannot open shared object file",
  ]);
});

/** The fake engine's worker, which meets an end after the handshake and before its hello. */
function lostBeforeHello(end: string, changes: Partial<WorkerSpec> = {}): Promise<Worker> {
  const ends = join(scratch, end);
  writeFileSync(ends, end);
  const own = `${root}/test/worker/lost-before-hello`;
  const argv = ["-m", "averse_worker", "--endpoint", "{endpoint}", "--session", "{session}"];
  const environment = { PYTHONPATH: `${own}:{root}/python`, AVERSE_TEST_ENDS: ends };
  const fake = { name: "w", argv: ["{python}", ...argv, "--engine", "fake"], environment };
  const spec = workerSpecSchema.parse({ ...fake, stop_seconds: 2, ...changes });
  return openSession(spec, { root });
}

test.each<[string, string, RegExp, boolean]>([
  ["killed", "SIGKILL", /^the worker was killed by SIGKILL before its hello; /, true],
  [
    "its connection is cut, which it notices",
    "3",
    /code 3 before its hello; its last output: /,
    true,
  ],
  [
    "stopped, so that its heartbeats cease",
    "SIGSTOP",
    /^the worker cannot be reached before its hello: .*heartbeats stopped/,
    true,
  ],
  ["an error of its own", "7", /^the worker exited with code 7 before its hello; /, false],
])("lost between handshake and hello: %s", async (_, end, words, passing) => {
  const error = await lost(lostBeforeHello(end));
  expect(error.message).toMatch(words);
  expect(error.message).not.toContain("\n");
  expect(error.passing).toBe(passing);
});

test("says nothing after the handshake: its time to start is over", async () => {
  const error = await lost(lostBeforeHello("hang", { start_seconds: 8 }));
  expect(error.message).toContain('"w" sent no message within 8 s of its start');
  expect(error.passing).toBe(false);
});

test("wrong version: says which side is older", async () => {
  const error = await lost(open("wrong_version.py"));
  expect(error.reason).toBe("version");
  const versions = `protocol ${PROTOCOL_VERSION + 1}, this controller (averse ${RELEASE}) speaks ${PROTOCOL_VERSION}`;
  expect(error.message).toContain(`${versions}: the controller is older`);
});

test("wrong session: not taken for ours", async () => {
  const error = await lost(open("wrong_session.py"));
  expect(error.reason).toBe("never-connected");
  expect(error.message).toContain('a hello of session "some-other-session"');
});

test("hangs in load: pings are not answered either", async () => {
  const timeout_seconds = { load: 0.5, other: 60, control: 1 };
  const worker = await open("hangs_in_load.py", { timeout_seconds });
  const error = await lost(worker.call("load", builtinLoad));
  expect(error.reason).toBe("silent");
  expect(error.message).toContain("did not answer `ping`");
  expect(error.message).toContain("during `load` (no progress yet)");
  expect((await lost(worker.call("ping", {}))).reason).toBe("silent");
});

test("stuck: pings are answered, the command is not", async () => {
  const timeout_seconds = { load: 0.5, other: 60, control: 10 };
  const worker = await open("stuck.py", { timeout_seconds });
  const error = await lost(worker.call("load", builtinLoad));
  expect(error.reason).toBe("stuck");
  expect(error.message).toContain("made no progress in `load` (no progress yet) for 0.5 s");
  expect(error.message).toContain("timeout_seconds.load");
  // A worker that knows nothing of SIGUSR1 is ended by it; that is no exit of its own.
  expect(error.stacks).toBeNull();
});

test("hangs in update: the phase is named, and the stacks the function", async () => {
  const timeout_seconds = { load: 60, other: 60, control: 60, update: 3 };
  const worker = await open("hangs_in_update.py", { timeout_seconds });
  const rollout = await rolledOut(worker);
  const error = await lost(worker.call("update", updateOf(rollout)));
  expect(error.reason).toBe("stuck");
  expect(error.message).toContain(
    "made no progress in `update` (phase update, 3 of 8 minibatches) for 3 s; " +
      "if it is slow, raise timeout_seconds.update",
  );
  expect(error.stacks).toMatch(/^(Current t|T)hread 0x/);
  expect(error.stacks).toContain("_wait_for_the_other_ranks");
  expect(error.stacks).toContain("in _control");
  expect(error.stacks).not.toContain("end of stacks");
  expect(error.stderrTail.join()).not.toContain("thread 0x");
});

test("hangs in C code with Python's lock: the stacks come all the same", async () => {
  const timeout_seconds = { load: 60, other: 60, control: 1, update: 3 };
  const worker = await open("hangs_with_lock.py", { timeout_seconds });
  const rollout = await rolledOut(worker);
  const error = await lost(worker.call("update", updateOf(rollout)));
  expect(error.reason).toBe("silent");
  expect(error.message).toContain("did not answer `ping` (no progress yet) within 1 s");
  expect(error.message).toContain("during `update` (phase update, 3 of 8 minibatches)");
  expect(error.stacks).toContain("_hang_in_c");
});

test("slow to start: works, if start_seconds allow it", async () => {
  const worker = await open("slow_start.py");
  await rolledOut(worker);
  await worker.close();
  const error = await lost(open("slow_start.py", { start_seconds: 0.5 }));
  expect(error.reason).toBe("never-connected");
});

test("huge message: the session ends, and says what may have been", async () => {
  const worker = await open("huge.py");
  await worker.call("load", builtinLoad);
  const error = await lost(worker.call("rollout", plainRollout([0])));
  expect(error.reason).toBe("silent");
  expect(error.message).toContain("cannot be reached during `rollout`");
  expect(error.message).toContain("over 256 MiB");
});

test("late answers of an old session are reported and ignored", async () => {
  const faults: string[] = [];
  const onProtocolFault = (text: string) => faults.push(text);
  const worker = await open("old_session.py", {}, { onProtocolFault });
  await rolledOut(worker);
  expect((await worker.call("ping", {})).busy).toBeNull();
  expect(faults).toEqual(Array(4).fill('a reply of session "an-old-session"'));
});

test("dies in update: every call in hand is told the signal and the last words", async () => {
  const worker = await open("dies_in_update.py");
  const rollout = await rolledOut(worker);
  const update = lost(worker.call("update", updateOf(rollout)));
  const ping = lost(worker.call("ping", {}));
  const error = await update;
  expect(error.reason).toBe("exited");
  expect(error.message).toContain("was killed by SIGKILL during `update`");
  expect(error.message).toContain("memory");
  expect(error.stderrTail.at(-1)).toContain("illegal memory access");
  expect(await ping).toBe(error);
});

test("freezes in rollout: heartbeats cease, deadlines are far away", async () => {
  const worker = await open("freezes_in_rollout.py", { stop_seconds: 0.5 });
  await worker.call("load", builtinLoad);
  const error = await lost(worker.call("rollout", plainRollout([0])));
  expect(error.reason).toBe("silent");
  expect(error.message).toContain("cannot be reached during `rollout`");
  expect(error.message).toMatch(/process \d+ is stopped \(state T\)/);
  expect(error.stacks).toBeNull();
});

test("ignores SIGTERM: close ends it all the same", async () => {
  const worker = await open("ignores_sigterm.py", { stop_seconds: 0.5 });
  await rolledOut(worker);
  await worker.close();
  expect(processesWith(mark)).toEqual([]);
});

test("close while a command is in hand: the call is lost", async () => {
  const worker = await open("hangs_in_load.py", { stop_seconds: 0.5 });
  const call = lost(worker.call("load", builtinLoad));
  await worker.close();
  expect((await call).message).toContain("was closed");
});

test("garbage: the call fails, with the number of bytes", async () => {
  const faults: string[] = [];
  const onProtocolFault = (text: string) => faults.push(text);
  const worker = await open("garbage.py", {}, { onProtocolFault });
  const failure = await failed(worker.call("load", builtinLoad));
  expect(failure).toMatchObject({ command: "load", kind: "protocol" });
  expect(failure.message).toMatch(/^64 bytes/);
  expect(faults).toEqual([failure.message]);
});

test("answers twice: the second answer is reported and ignored", async () => {
  const faults: string[] = [];
  const onProtocolFault = (text: string) => faults.push(text);
  const worker = await open("answers_twice.py", {}, { onProtocolFault });
  const rollout = await rolledOut(worker);
  expect((await worker.call("update", updateOf(rollout))).episodes).toBe(2);
  expect(faults.slice(0, 2)).toEqual([
    "a reply to request 1, which was answered before",
    "a reply to request 2, which was answered before",
  ]);
});

test("unknown field: the call fails and names it", async () => {
  const worker = await open("unknown_field.py");
  const failure = await failed(worker.call("load", builtinLoad));
  expect(failure.kind).toBe("protocol");
  expect(failure.message).toContain("unknown field `surprise`");
});

test("NaN among the figures: diverged, and no protocol fault", async () => {
  const faults: string[] = [];
  const onProtocolFault = (text: string) => faults.push(text);
  const worker = await open("nan_result.py", {}, { onProtocolFault });
  const rollout = await rolledOut(worker);
  const failure = await failed(worker.call("update", updateOf(rollout)));
  expect(failure).toMatchObject({ command: "update", kind: "diverged" });
  expect(failure.message).toContain("field `figures.loss_policy` is NaN");
  expect(faults).toEqual([]);
});

test("no such program", async () => {
  const error = await lost(open("silent.py", { argv: ["/no/such/python"] }));
  expect(error.reason).toBe("never-connected");
  expect(error.message).toMatch(/"silent.py" cannot be started: .*\/no\/such\/python.*ENOENT/s);
});

test("the start can be given up", async () => {
  const controller = new AbortController();
  const opening = open("silent.py", {}, { signal: controller.signal });
  controller.abort(new Error("no limit"));
  await expect(opening).rejects.toThrow("no limit");
  await expect(open("silent.py", {}, { signal: controller.signal })).rejects.toThrow("no limit");
});
