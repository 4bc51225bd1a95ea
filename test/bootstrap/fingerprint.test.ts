import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { filesUnder, fingerprint, readMark, writeMark } from "../../src/bootstrap/fingerprint.mjs";

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "averse-mark-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a fingerprint knows where one part ends and the next begins", () => {
  expect(fingerprint(["ab", "c"])).not.toBe(fingerprint(["a", "bc"]));
  expect(fingerprint(["a"])).toBe(fingerprint(["a"]));
});

test("files are found at any depth, sorted, by their ends", () => {
  const folder = scratch();
  mkdirSync(join(folder, "b"));
  for (const name of ["z.ts", "a.ts", "b/c.tsx", "b/d.txt"]) writeFileSync(join(folder, name), "");
  expect(filesUnder(folder, [".ts", ".tsx"])).toEqual(
    ["a.ts", "b/c.tsx", "z.ts"].map((name) => join(folder, name)),
  );
});

describe("a mark", () => {
  test("is read as it was written, in a folder that is made for it, and leaves nothing beside it", () => {
    const file = join(scratch(), "deep", "mark");
    writeMark(file, { a: [1] });
    expect(readMark(file)).toEqual({ a: [1] });
    expect(readdirSync(join(file, ".."))).toEqual(["mark"]);
  });

  test("that is missing or torn is none", () => {
    const file = join(scratch(), "mark");
    expect(readMark(file)).toBeNull();
    writeFileSync(file, '{"a":');
    expect(readMark(file)).toBeNull();
  });
});
