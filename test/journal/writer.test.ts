import type * as fs from "node:fs";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { readJournal } from "../../src/journal/reader.js";
import { newRun } from "../store/folders.js";

/** How many bytes the disk still takes of what is appended; null: all. */
let room: number | null = null;

vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const writeSync = (handle: number, bytes: Buffer, from: number) => {
    if (room === 0) {
      throw Object.assign(new Error("write"), { code: "ENOSPC" });
    }
    const written = real.writeSync(handle, bytes, from, Math.min(bytes.length - from, room ?? 1e9));
    room = room === null ? null : room - written;
    return written;
  };
  return { ...real, writeSync };
});

test.each([0, 1, 50])("a disk with room for %i bytes leaves the journal whole", async (bytes) => {
  const run = newRun();
  const path = join(run.directory, "journal.jsonl");
  const warn = (message: string) => run.append(null, { type: "warning", message });
  warn("before");
  const before = readFileSync(path);

  room = bytes;
  try {
    expect(() => warn("too much")).toThrow(
      expect.objectContaining({
        reason: "space",
        message: `cannot append to ${path}: the disk is full`,
      }),
    );
  } finally {
    room = null;
  }
  expect(readFileSync(path)).toEqual(before);

  warn("room again");
  const messages = [];
  for await (const event of readJournal(run.directory)) {
    messages.push(event.type === "warning" && `${event.seq} ${event.message}`);
  }
  expect(messages).toEqual(["1 before", "2 room again"]);
});
