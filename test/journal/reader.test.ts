import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JournalEvent } from "../../src/journal/events.js";
import { JournalError } from "../../src/journal/journal-error.js";
import { checksummedLine } from "../../src/journal/line.js";
import { readJournal, readJournalSoFar } from "../../src/journal/reader.js";
import type { RunRecorder } from "../../src/store/recorder.js";
import { stepPayload } from "../engine/event-payloads.js";
import { newRun, temporaryFolder } from "../store/folders.js";

function journalOf(steps: number): { run: string; path: string } {
  const run = newRun();
  for (let step = 0; step < steps; step += 1) {
    run.append("rlhf-s0", stepPayload({ step }));
  }
  return { run: run.directory, path: join(run.directory, "journal.jsonl") };
}

function newRunWith(warnings: readonly string[]): RunRecorder {
  const run = newRun();
  for (const message of warnings) {
    run.append(null, { type: "warning", message });
  }
  return run;
}

/** What could be read, and the error that ended it. */
async function read(run: string): Promise<{ events: JournalEvent[]; error: unknown }> {
  const events: JournalEvent[] = [];
  try {
    for await (const event of readJournal(run)) {
      events.push(event);
    }
  } catch (error) {
    return { events, error };
  }
  return { events, error: null };
}

async function soFar(run: string): Promise<JournalEvent[]> {
  const events: JournalEvent[] = [];
  for await (const event of readJournalSoFar(run)) events.push(event);
  return events;
}

function linesIn(path: string): string[] {
  return readFileSync(path, "utf8").trimEnd().split("\n");
}

/** Changes one line, from 1. */
function damage(path: string, line: number, change: (text: string) => string): void {
  const lines = readFileSync(path, "utf8").split("\n");
  lines[line - 1] = change(lines[line - 1]!);
  writeFileSync(path, lines.join("\n"));
}

describe("reading a journal", () => {
  test("older than the GPU's state gives null for it", async () => {
    const { gpu: _, ...older } = stepPayload({ step: 0 });
    const run = temporaryFolder();
    const event = { seq: 1, time: "2026-01-01T00:00:00.000Z", trial: "rlhf-s0", ...older };
    writeFileSync(join(run, "journal.jsonl"), checksummedLine(JSON.stringify(event), "").bytes);
    const { events, error } = await read(run);
    expect(error).toBeNull();
    expect(events).toEqual([{ ...event, gpu: null }]);
  });

  test("of more than a read buffer gives every event once", async () => {
    const run = newRun();
    const message = "long ".repeat(10_000);
    for (let count = 0; count < 7; count += 1) {
      run.append(null, { type: "warning", message: `${count} ${message}` });
    }
    const { events, error } = await read(run.directory);
    expect(error).toBeNull();
    expect(events.map((event) => event.type === "warning" && event.message[0])).toEqual([
      ..."0123456",
    ]);
  });

  test("with a torn last line gives all whole ones, then says so", async () => {
    const { run, path } = journalOf(3);
    truncateSync(path, readFileSync(path).length - 20);
    const { events, error } = await read(run);
    expect(events.length).toBe(2);
    expect(error).toBeInstanceOf(JournalError);
    expect(error).toMatchObject({ line: 3, torn: true, reason: "damaged" });
    expect((error as Error).message).toMatch(/journal\.jsonl, line 3: the line is cut off/);
  });

  test("a torn last line ends what there is so far, and damage is damage all the same", async () => {
    const { run, path } = journalOf(3);
    truncateSync(path, readFileSync(path).length - 20);
    expect(await soFar(run)).toHaveLength(2);
    damage(path, 1, (line) => line.replace("step", "stop"));
    await expect(soFar(run)).rejects.toMatchObject({ line: 1, torn: false });
    await expect(soFar(join(run, "none"))).rejects.toMatchObject({ reason: "missing" });
  });

  test("a last line that lacks only its end is torn too", async () => {
    const { run, path } = journalOf(2);
    truncateSync(path, readFileSync(path).length - 1);
    expect((await read(run)).error).toMatchObject({ line: 2, torn: true });
  });

  const stamp = '"seq":2,"time":"","trial":null';
  test.each([
    ["no JSON", "{oops}", /line 2: not JSON/],
    [
      "no event",
      `{${stamp},"type":"nothing"}`,
      /line 2: not an event of this version of Averse: key `type`/,
    ],
    ["a wrong field", `{${stamp},"type":"warning","message":3}`, /message/],
    ["a field too many", `{${stamp},"type":"warning","message":"","x":1}`, /unknown key `x`/],
    [
      "a number out of order",
      '{"seq":7,"time":"","trial":null,"type":"warning","message":""}',
      /line 2: found event 7; expected event 2/,
    ],
  ])("%s, with a sound checksum, is refused with its line", async (_, json, message) => {
    const { run, path } = journalOf(1);
    const [first] = linesIn(path);
    appendFileSync(path, checksummedLine(json, first!.slice(-34, -2)).bytes);
    const { events, error } = await read(run);
    expect(events.length).toBe(1);
    expect(error).toMatchObject({ line: 2, torn: false });
    expect((error as Error).message).toMatch(message);
  });

  test("a line without a checksum is refused", async () => {
    const { run, path } = journalOf(3);
    damage(path, 2, (line) => line.replace(/,"checksum":"[0-9a-f]+"/, ""));
    const { events, error } = await read(run);
    expect(events.length).toBe(1);
    expect(error).toMatchObject({ line: 2, torn: false, what: expect.stringMatching(/checksum/) });
  });

  test.each([
    ["cut out", (lines: string[]) => lines.toSpliced(1, 1), 2],
    ["doubled", (lines: string[]) => lines.toSpliced(2, 0, lines[1]!), 3],
    ["swapped", ([a, b, ...rest]: string[]) => [b!, a!, ...rest], 1],
    ["renumbered", (lines: string[]) => lines.with(1, lines[1]!.replace('"seq":2', '"seq":3')), 2],
  ])("a line that was %s shows in the checksums", async (_, change, line) => {
    const { run, path } = journalOf(4);
    writeFileSync(path, change(readFileSync(path, "utf8").split("\n")).join("\n"));
    expect((await read(run)).error).toMatchObject({ line, torn: false });
  });

  test("a line of another journal in the place of one is refused with the next", async () => {
    const { run, path } = journalOf(2);
    const other = newRunWith(["other"]);
    damage(path, 1, () => linesIn(join(other.directory, "journal.jsonl"))[0]!);
    expect((await read(run)).error).toMatchObject({ line: 2, torn: false });
  });

  test("a flipped bit in any byte is found, and its line named", async () => {
    const { directory: run } = newRunWith(["one", "zwei €"]);
    const path = join(run, "journal.jsonl");
    const whole = readFileSync(path);
    const firstEnd = whole.indexOf("\n");
    for (let at = 0; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (at % 8);
      writeFileSync(path, bytes);
      const { error } = await read(run);
      expect(error, `byte ${at}`).toMatchObject({ line: at <= firstEnd ? 1 : 2, torn: false });
    }
  });

  test("an empty one has no events; a missing one is told as such", async () => {
    expect(await read(journalOf(0).run)).toEqual({ events: [], error: null });
    expect((await read(temporaryFolder())).error).toMatchObject({ reason: "missing" });
  });

  test("text of several bytes a character survives a buffer's edge", async () => {
    const run = newRun();
    const message = "ä€😀".repeat(20_000);
    run.append(null, { type: "warning", message });
    const { events } = await read(run.directory);
    expect(events).toMatchObject([{ message }]);
  });
});

test("an empty line is no event", async () => {
  const { run, path } = journalOf(1);
  appendFileSync(path, "\n");
  expect((await read(run)).error).toMatchObject({ line: 2, torn: false });
});
