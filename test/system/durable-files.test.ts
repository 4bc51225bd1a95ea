import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeDurably, writeWhole } from "../../src/system/durable-files.js";

test.each([writeDurably, writeWhole])(
  "%o: a file that cannot be replaced leaves nothing",
  (write) => {
    const folder = mkdtempSync(join(tmpdir(), "averse-durable-"));
    const taken = join(folder, "taken");
    mkdirSync(join(taken, "inside"), { recursive: true });
    expect(() => write(taken, "text")).toThrow(`cannot write ${taken}`);
    expect(readdirSync(folder)).toEqual(["taken"]);
    const file = join(folder, "file");
    writeFileSync(file, "before");
    write(file, "after");
    expect(readFileSync(file, "utf8")).toBe("after");
    expect(readdirSync(folder)).toEqual(["file", "taken"]);
  },
);
