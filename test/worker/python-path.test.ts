import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { environmentsFolder, pythonPath, workerEnvironment } from "../../src/worker/python-path.js";

let root = "";
let data = "";
const write = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const variables = () => ({ XDG_DATA_HOME: data });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "averse-package-"));
  data = join(root, "data");
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  write(join(root, "package.json"), '{"version":"1.2.0"}');
});

/** As `averse setup` of this version leaves it; unfinished: as where it was interrupted. */
function environmentOf(version: string, { complete = true } = {}): string {
  const folder = join(data, "averse", "environments", version);
  write(join(folder, "bin", "python"), "");
  if (complete) write(join(folder, "averse-ready.json"), "{}");
  return folder;
}

describe("the Python of a worker", () => {
  test("is AVERSE_PYTHON where that is set", () => {
    expect(pythonPath(root, { AVERSE_PYTHON: "/my/python" })).toBe("/my/python");
  });

  test("is a checkout's own .venv, or npm start makes it", () => {
    write(join(root, "src", "main.ts"), "");
    environmentOf("1.2.0");
    expect(() => pythonPath(root, variables())).toThrow(/\.venv.*npm start.*AVERSE_PYTHON/s);
    write(join(root, ".venv", "bin", "python"), "");
    expect(pythonPath(root, { AVERSE_PYTHON: "" })).toBe(join(root, ".venv", "bin", "python"));
  });

  test("is the environment that an installed version has set up", () => {
    const folder = environmentOf("1.2.0");
    expect(pythonPath(root, variables())).toBe(join(folder, "bin", "python"));
    expect(workerEnvironment(root, variables()).folder).toBe(folder);
  });

  test.each([
    ["missing", () => {}, /no environment in .*environments yet; run `averse setup` to make it/],
    [
      "interrupted",
      () => environmentOf("1.2.0", { complete: false }),
      /1\.2\.0 is not complete; run `averse setup` to complete it/,
    ],
    [
      "of another version alone",
      () => environmentOf("1.1.0"),
      /this is averse 1\.2\.0 and there is an environment of 1\.1\.0 alone; run `averse setup`/,
    ],
  ])("%s: says what to do", (_, prepare, words) => {
    prepare();
    expect(() => pythonPath(root, variables())).toThrow(words);
  });
});

test.each([
  [{ XDG_DATA_HOME: "/data" }, "linux", "/data/averse/environments"],
  [{ XDG_DATA_HOME: "data" }, "linux", "/home/me/.local/share/averse/environments"],
  [{}, "darwin", "/home/me/Library/Application Support/averse/environments"],
  [{ LOCALAPPDATA: "/local" }, "win32", "/local/averse/environments"],
] as const)("with %j on %s environments lie in %s", (given, platform, folder) => {
  expect(environmentsFolder(given, platform, "/home/me")).toBe(folder);
});
