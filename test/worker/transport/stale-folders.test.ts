import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ownPrefix, removeStaleFolders } from "../../../src/worker/transport/socket-folder.js";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "averse-stale-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

/** Above any process id that Linux gives out. */
const DEAD = 2 ** 22 + 1;
const [, , started, place] = ownPrefix().split("-");

const left = (name: string, make = (path: string) => mkdirSync(path)) => {
  const path = join(parent, name);
  make(path);
  removeStaleFolders(parent);
  return existsSync(path);
};

test.each([
  ["of a process that is no more", `averse-${DEAD}-${started}-${place}-abcdef`],
  ["of a process whose number has become another's", `averse-${process.pid}-1-${place}-abcdef`],
  ["with a start that nobody knew", `averse-${DEAD}-x-${place}-abcdef`],
])("a folder %s is removed, and what is in it", (_, name) => {
  const fill = (path: string) => {
    mkdirSync(path);
    writeFileSync(join(path, "keys.json"), "{}");
  };
  expect(left(name, fill)).toBe(false);
});

test.each([
  ["of this process", `${ownPrefix()}abcdef`],
  ["of a living process whose start nobody knew", `averse-${process.pid}-x-${place}-abcdef`],
  ["of another machine, boot or container", `averse-${DEAD}-${started}-00000000-abcdef`],
  ["of somebody else's making", "averse-spec-abcdef"],
])("a folder %s stays", (_, name) => {
  expect(left(name)).toBe(true);
});

test("a link with such a name is not followed", () => {
  const target = mkdtempSync(join(tmpdir(), "averse-target-"));
  try {
    writeFileSync(join(target, "precious"), "");
    const name = `averse-${DEAD}-${started}-${place}-abcdef`;
    expect(left(name, (path) => symlinkSync(target, path))).toBe(true);
    expect(readdirSync(target)).toEqual(["precious"]);
  } finally {
    rmSync(target, { recursive: true });
  }
});
