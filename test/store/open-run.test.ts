import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JournalEvent } from "../../src/journal/events.js";
import { readJournal } from "../../src/journal/reader.js";
import { readManifest } from "../../src/store/manifest/manifest.js";
import { openRun } from "../../src/store/open-run.js";
import type { RunRecorder } from "../../src/store/recorder.js";
import { stepPayload } from "../engine/event-payloads.js";
import { newRun, provenance, reopened, temporaryFolder, tickingClock } from "./folders.js";

const trial = "rlhf-s0";

async function all(events: AsyncIterable<JournalEvent>): Promise<JournalEvent[]> {
  const list: JournalEvent[] = [];
  for await (const event of events) {
    list.push(event);
  }
  return list;
}

/** Left by its controller after so many steps. */
function leftAfter(steps: number): { run: string; path: string; events: JournalEvent[] } {
  const recorder = newRun();
  const events = Array.from({ length: steps }, (_, step) =>
    recorder.append(trial, stepPayload({ step })),
  );
  recorder.close();
  const run = recorder.directory;
  return { run, path: join(run, "journal.jsonl"), events };
}

function save(run: RunRecorder, step: number): void {
  writeFileSync(join(run.prepare(trial, "checkpoint", step), "state"), "");
  const position = { trial, step, beta: 0, compute: 0 };
  const part = run.complete(trial, "checkpoint", step, { state: "c" }, position);
  run.append(trial, { type: "checkpoint_saved", step, ...part, bytes: 1, seconds: 1 });
}

test("the journal goes on after the last event, as if there had been one writer", async () => {
  const { run, events } = leftAfter(3);
  const opened = await reopened(run);
  expect(opened).toMatchObject({ cutBytes: 0 });
  expect(opened.recorder.manifest).toEqual(readManifest(run));
  expect(await all(opened.events())).toEqual(events);
  const next = opened.recorder.append(trial, stepPayload({ step: 3 }));
  expect(next.seq).toBe(4);
  expect(await all(readJournal(run))).toEqual([...events, next]);
  opened.recorder.close();
  await reopened(run);
  expect(await all(readJournal(run))).toEqual([...events, next]);
});

test("an empty journal can be taken up", async () => {
  const { run } = leftAfter(0);
  const { recorder, events } = await reopened(run);
  expect(await all(events())).toEqual([]);
  expect(recorder.append(null, { type: "warning", message: "" }).seq).toBe(1);
  expect((await all(readJournal(run))).length).toBe(1);
});

test("a torn last line, wherever it is torn, is cut off and told", async () => {
  const { run, path, events } = leftAfter(2);
  const whole = readFileSync(path);
  const first = whole.indexOf("\n") + 1;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: first + 1, max: whole.length - 1 }), async (size) => {
      writeFileSync(path, whole.subarray(0, size));
      const opened = await openRun(run, provenance(), tickingClock());
      try {
        expect(opened.cutBytes).toBe(size - first);
        expect(statSync(path).size).toBe(first);
        expect(await all(opened.events())).toEqual(events.slice(0, 1));
        expect(opened.recorder.append(null, { type: "warning", message: "" }).seq).toBe(2);
      } finally {
        opened.recorder.close();
      }
    }),
    { numRuns: 25 },
  );
});

test("zeros that a power cut left at the end are a torn line, too", async () => {
  const { run, path } = leftAfter(2);
  const { size } = statSync(path);
  appendFileSync(path, Buffer.alloc(100));
  expect((await reopened(run)).cutBytes).toBe(100);
  expect(statSync(path).size).toBe(size);
});

describe("damage is refused with its line, and nothing is changed", () => {
  test.each([
    ["in the middle", 2, 0.5],
    ["in the last whole line", 3, 0.9],
    ["in the last line feed", 3, 1],
  ])("%s", async (_, line, share) => {
    const { run, path } = leftAfter(3);
    const bytes = readFileSync(path);
    bytes[Math.ceil(bytes.length * share) - 1]! ^= 1;
    writeFileSync(path, bytes);
    mkdirSync(join(run, "trials", trial, "model.partial"), { recursive: true });
    await expect(reopened(run)).rejects.toMatchObject({ reason: "damaged", line, torn: false });
    expect(readFileSync(path)).toEqual(bytes);
    expect(existsSync(join(run, "trials", trial, "model.partial"))).toBe(true);
  });

  test("and the run is free again", async () => {
    const { run, path } = leftAfter(2);
    const whole = readFileSync(path);
    truncateSync(path, 10);
    appendFileSync(path, "\n");
    await expect(reopened(run)).rejects.toThrow(/line 1/);
    writeFileSync(path, whole);
    expect((await reopened(run)).cutBytes).toBe(0);
  });
});

test("a run that a controller has is refused, until it closes", async () => {
  const recorder = newRun();
  await expect(reopened(recorder.directory)).rejects.toMatchObject({ reason: "locked" });
  recorder.close();
  const { recorder: second } = await reopened(recorder.directory);
  await expect(reopened(recorder.directory)).rejects.toMatchObject({ reason: "locked" });
  second.close();
  await reopened(recorder.directory);
});

test("a folder that is no run is refused and stays as it is", async () => {
  const folder = temporaryFolder();
  await expect(reopened(folder)).rejects.toMatchObject({ reason: "missing" });
  expect(readdirSync(folder)).toEqual([]);
});

test("what is half done, and checkpoints that no event keeps, are removed", async () => {
  const recorder = newRun();
  for (const step of [10, 20, 30]) {
    save(recorder, step);
  }
  const path = `trials/${trial}/checkpoints/step-000010`;
  recorder.append(trial, { type: "checkpoint_dropped", step: 10, path });
  // Died here: dropped and not removed, renamed and not in the journal, half removed, half written.
  const folder = join(recorder.directory, "trials", trial);
  for (const name of ["step-000040", "step-000005.removed", "step-000050.partial"]) {
    mkdirSync(join(folder, "checkpoints", name));
  }
  recorder.prepare(trial, "model", 0);
  writeFileSync(join(recorder.prepare("sft-s0", "model", 0), "config"), "");
  recorder.complete("sft-s0", "model", 0, { config: "c" });
  recorder.close();

  await reopened(recorder.directory);
  expect(readdirSync(join(folder, "checkpoints")).sort()).toEqual(["step-000020", "step-000030"]);
  expect(existsSync(join(folder, "model.partial"))).toBe(false);
  expect(existsSync(join(recorder.directory, "trials/sft-s0/model/config"))).toBe(true);
});

test("a run that is taken up is not over any more, and has this controller's process", async () => {
  const recorder = newRun();
  recorder.append(null, { type: "run_finished", outcome: "failed", message: "why", seconds: 1 });
  recorder.close();
  const present = { pid: 4711, host: "there" };
  const who = provenance({ process: present });
  const opened = await openRun(recorder.directory, who, tickingClock());
  try {
    expect(opened.recorder.manifest.outcome).toBe("failed");
    const resumed = { type: "run_resumed", parallel: 1, cut_bytes: 0, from: {} } as const;
    opened.recorder.append(null, resumed);
    expect(readManifest(recorder.directory)).toMatchObject({
      finished: null,
      outcome: null,
      message: null,
      process: present,
      results: { journal: null },
    });
  } finally {
    opened.recorder.close();
  }
});

test("a manifest that fell behind the journal is brought up to it", async () => {
  const recorder = newRun();
  const before = readFileSync(join(recorder.directory, "manifest.json"));
  recorder.append(trial, {
    type: "model_exported",
    path: `trials/${trial}/model`,
    files: { "model.safetensors": "a".repeat(64) },
    bytes: 1,
  });
  recorder.append(null, { type: "run_finished", outcome: "done", message: "", seconds: 1 });
  recorder.close();
  const complete = readManifest(recorder.directory);
  // As if the controller had died just before it wrote the manifest.
  writeFileSync(join(recorder.directory, "manifest.json"), before);
  expect(readManifest(recorder.directory).outcome).toBeNull();
  const opened = await reopened(recorder.directory);
  opened.recorder.close();
  expect(readManifest(recorder.directory)).toEqual(complete);
  expect(complete.results.trials[trial]!.model).toEqual({ "model.safetensors": "a".repeat(64) });
});
