import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { makeNamedFolder, makeRunFolder } from "../../src/store/run-folder.js";
import { RecordError } from "../../src/system/record-error.js";
import { newRun, temporaryFolder } from "./folders.js";

test("runs of one configuration and one millisecond have a folder each", () => {
  const runsFolder = temporaryFolder();
  const now = () => new Date(Date.UTC(2026, 0, 1));
  const runs = [1, 2, 3].map(() => newRun({ runsFolder, now }));
  const folders = runs.map(({ directory }) => basename(directory));
  expect(new Set(folders).size).toBe(3);
  expect(readdirSync(runsFolder).sort()).toEqual([...folders].sort());
  for (const folder of folders) expect(folder).toMatch(/^small-[0-9a-f]{8}$/);
  for (const [index, run] of runs.entries()) {
    run.append(null, { type: "run_started", name: `run ${index}`, trials: [], parallel: 1 });
    expect(readFileSync(join(run.directory, "journal.jsonl"), "utf8")).toMatch(
      new RegExp(`^[^\n]*"name":"run ${index}"[^\n]*\n$`),
    );
  }
});

test("names come in the same order elsewhere", () => {
  const [here, there] = [temporaryFolder(), temporaryFolder()];
  const names = (folder: string) =>
    [1, 2, 3].map(() => basename(makeRunFolder(folder, "small", "one configuration, one time")));
  expect(names(here)).toEqual(names(there));
});

test("what lies under a name already is left alone", () => {
  const folder = temporaryFolder();
  const first = makeRunFolder(folder, "small", "x");
  writeFileSync(join(first, "journal.jsonl"), "mine");
  const second = makeRunFolder(folder, "small", "x");
  expect(second).not.toBe(first);
  expect(readdirSync(second)).toEqual([]);
  expect(readFileSync(join(first, "journal.jsonl"), "utf8")).toBe("mine");
});

test("it gives up with a remedy where every name is taken", () => {
  const folder = temporaryFolder();
  for (let made = 0; made < 100; made++) makeRunFolder(folder, "small", "x");
  expect(() => makeRunFolder(folder, "small", "x")).toThrow(
    expect.objectContaining({
      reason: "exists",
      message: expect.stringMatching(
        /already holds 100 runs named small .* try again, or .*--run-dir$/,
      ),
    }),
  );
});

test("a folder that the user named is this very one, or none", () => {
  const directory = join(temporaryFolder(), "deep", "Mine");
  expect(makeNamedFolder(directory)).toBe(directory);
  expect(existsSync(directory)).toBe(true);
  expect(() => makeNamedFolder(directory)).toThrow(RecordError);
  expect(readdirSync(join(directory, ".."))).toEqual(["Mine"]);
});
