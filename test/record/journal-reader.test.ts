import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JournalEvent } from "../../src/experiment/events.js";
import { JournalError, readJournal } from "../../src/record/journal-reader.js";
import { stepHappening } from "../experiment/happenings.js";
import { newRun, temporaryFolder } from "./folders.js";

function journalOf(steps: number): { run: string; path: string } {
  const run = newRun();
  for (let step = 0; step < steps; step += 1) {
    run.append("rlhf-s0", stepHappening({ step }));
  }
  return { run: run.directory, path: join(run.directory, "journal.jsonl") };
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

/** Replaces one line, from 1. */
function damage(path: string, line: number, text: string): void {
  const lines = readFileSync(path, "utf8").split("\n");
  lines[line - 1] = text;
  writeFileSync(path, lines.join("\n"));
}

describe("reading a journal", () => {
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

  test("a last line that lacks only its end is torn too", async () => {
    const { run, path } = journalOf(2);
    truncateSync(path, readFileSync(path).length - 1);
    expect((await read(run)).error).toMatchObject({ line: 2, torn: true });
  });

  test.each([
    ["no JSON", "{oops", /line 2: not JSON/],
    ["no event", '{"seq":2,"time":"","trial":null,"type":"nothing"}', /line 2: not an event: type/],
    ["a wrong field", '{"seq":2,"time":"","trial":null,"type":"warning","message":3}', /message/],
    [
      "a field too many",
      '{"seq":2,"time":"","trial":null,"type":"warning","message":"","x":1}',
      /Unrecognized key/,
    ],
    [
      "a number out of order",
      '{"seq":7,"time":"","trial":null,"type":"warning","message":""}',
      /line 2: event 7 stands where event 2 belongs/,
    ],
  ])("%s in the middle is refused with its line", async (_, text, message) => {
    const { run, path } = journalOf(3);
    damage(path, 2, text);
    const { events, error } = await read(run);
    expect(events.length).toBe(1);
    expect(error).toMatchObject({ line: 2, torn: false });
    expect((error as Error).message).toMatch(message);
  });

  test("a line that was cut out shows by the numbers", async () => {
    const { run, path } = journalOf(3);
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, lines.toSpliced(1, 1).join("\n"));
    expect((await read(run)).error).toMatchObject({ line: 2 });
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
