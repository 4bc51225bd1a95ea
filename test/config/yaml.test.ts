import { chmodSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfigText } from "../../src/config/yaml.js";
import { giveAway, withoutPrivileges } from "../unprivileged.js";
import { scratchFile, scratchFolder } from "./scratch-files.js";

describe("a configuration file that cannot be read", () => {
  test("is missing", () => {
    const file = join(scratchFolder(), "gone.yaml");
    expect(() => readConfigText(file)).toThrow(`${file}:1:1: found no such file`);
  });

  test("is misspelt: the one beside it is suggested", () => {
    const file = scratchFile("name: x\n");
    const near = file.replace(/\.yaml$/, "s.yaml");
    expect(() => readConfigText(near)).toThrow(`Did you mean ${file}?`);
  });

  test("is a folder", () => {
    expect(() => readConfigText(scratchFolder())).toThrow("found a folder");
  });

  test("is not UTF-8: its line is named", () => {
    const file = scratchFile(Buffer.from("name: x\n# caf\xe9\nseeds: [1]\n", "latin1"));
    expect(() => readConfigText(file)).toThrow(`${file}:2:1: found bytes that are not UTF-8`);
  });

  test("is UTF-16", () => {
    const file = scratchFile(Buffer.from("\ufeffname: x\n", "utf16le"));
    expect(() => readConfigText(file)).toThrow("found bytes that are not UTF-8");
  });

  test("may not be read", () => {
    const file = scratchFile("name: x\n");
    chmodSync(file, 0o000);
    giveAway(dirname(file), file);
    expect(() => withoutPrivileges(() => readConfigText(file))).toThrow(
      "found a file without read permission",
    );
  });
});

test("characters of several bytes are no fault, wherever lines end", () => {
  const text = "name: x\n# α′ ⌈ρM⌉ 文字 🙂\n";
  expect(readConfigText(scratchFile(text))).toBe(text);
});
