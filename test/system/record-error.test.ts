import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeDurably } from "../../src/system/durable-files.js";
import { RecordError, recordError } from "../../src/system/record-error.js";
import { temporaryFolder } from "../store/folders.js";

test.each([
  ["EACCES", "permission", "cannot write /x: no permission"],
  ["EROFS", "permission", "cannot write /x: the file system is read-only"],
  ["ENOSPC", "space", "cannot write /x: the disk is full"],
  ["EDQUOT", "space", "cannot write /x: the disk quota is used up"],
  ["ENOENT", "missing", "cannot write /x: no such file or folder"],
  ["EIO", "io", "cannot write /x: what Node said"],
])("%s is told as %s", (code, reason, message) => {
  const cause = Object.assign(new Error("what Node said"), { code });
  expect(recordError("cannot write /x", cause)).toMatchObject({ reason, message, cause });
});

test("an error that is told already stays as it is", () => {
  const told = new RecordError("space", "full");
  expect(recordError("cannot write /x", told)).toBe(told);
});

test("a write that fails leaves what was there", () => {
  const folder = temporaryFolder();
  const path = join(folder, "file");
  writeDurably(path, "first");
  mkdirSync(`${path}.tmp`);
  expect(() => writeDurably(path, "second")).toThrow(/^cannot write .*file: /);
  expect(readFileSync(path, "utf8")).toBe("first");
});

test("a folder in the file's place is told with its path", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "taken"));
  writeFileSync(join(folder, "taken", "inside"), "");
  expect(() => writeDurably(join(folder, "taken"), "text")).toThrow(/taken/);
});
