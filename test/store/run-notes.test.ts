import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { noNotes } from "../../src/run-model/run-summary.js";
import { readNotes, writeNotes } from "../../src/store/run-notes.js";

const scratch = mkdtempSync(join(tmpdir(), "averse-notes-"));

function folder(name: string): string {
  const path = join(scratch, name);
  mkdirSync(path);
  return path;
}

test("notes are read back as they were written, and leave no file where nothing is left", () => {
  const run = folder("written");
  expect(readNotes(run)).toEqual(noNotes);
  const notes = { title: "α at 0.2", tags: ["good", "second"], note: "two\nlines" };
  writeNotes(run, notes);
  expect(readNotes(run)).toEqual(notes);
  writeNotes(run, noNotes);
  expect(readdirSync(run)).toEqual([]);
});

test.each([
  ["a title of two lines", { ...noNotes, title: "a\nb" }, "title"],
  ["a tag with a space", { ...noNotes, tags: ["a b"] }, "tags"],
  ["a long title", { ...noNotes, title: "x".repeat(81) }, "title"],
])("%s is refused, and what was there stays", (name, notes, key) => {
  const run = folder(name);
  writeNotes(run, { ...noNotes, title: "before" });
  expect(() => writeNotes(run, notes)).toThrow(key);
  expect(readNotes(run).title).toBe("before");
});

test("a file that is no such notes is told as damaged", () => {
  const run = folder("damaged");
  writeFileSync(join(run, "notes.json"), "{}");
  expect(() => readNotes(run)).toThrow(/notes\.json is not notes of a run/);
});
