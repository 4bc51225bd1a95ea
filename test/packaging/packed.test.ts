/** What `npm pack` makes, unpacked where there is no checkout: set up, run from an empty folder, cleared away. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
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
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pythonPath } from "../../src/worker/python-path.js";
import { pythonStub } from "../bootstrap/stub-checkout.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "averse-packed-"));
const packageFolder = join(place, "package");
const empty = join(place, "empty");
let files: string[] = [];

beforeAll(() => {
  const packed = spawnSync(
    "npm",
    ["pack", "--ignore-scripts", "--json", "--pack-destination", place],
    { cwd: root, encoding: "utf8" },
  );
  expect(packed.stderr, "npm pack").not.toContain("npm error");
  const [{ filename, files: list }] = JSON.parse(packed.stdout) as [
    { filename: string; files: { path: string }[] },
  ];
  files = list.map(({ path }) => path);
  const { status } = spawnSync("tar", ["xzf", join(place, filename), "-C", place]);
  expect(status).toBe(0);
  // What npm would install with it.
  symlinkSync(join(root, "node_modules"), join(packageFolder, "node_modules"));
  mkdirSync(empty);
  const stub = join(place, "stub", "python3");
  mkdirSync(join(stub, ".."));
  writeFileSync(stub, pythonStub(join(place, "calls")));
  chmodSync(stub, 0o755);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

function averse(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const { AVERSE_PYTHON: _, ...inherited } = process.env;
  return spawnSync(process.execPath, [join(packageFolder, "dist", "main.js"), ...args], {
    cwd: empty,
    encoding: "utf8",
    env: {
      ...inherited,
      XDG_DATA_HOME: join(place, "data"),
      // Nothing is to be written where the package lies.
      PYTHONDONTWRITEBYTECODE: "1",
      ...variables,
    },
  });
}

test("it holds what runs need, and nothing else", () => {
  expect(files).toEqual(
    expect.arrayContaining([
      ...["dist/main.js", "pyproject.toml", "python/constraints.txt", "configs/workers/local.yaml"],
      ...[
        "configs/experiments/quickstart.yaml",
        "docs/install.md",
        "python/averse_worker/py.typed",
      ],
      ...["LICENSE", "NOTICE", "THIRD-PARTY.md", "README.md"],
      "python/averse_worker/assets/language-model/model.safetensors",
    ]),
  );
  const strange = files.filter((file) =>
    /\.map$|\.pyc$|egg-info|^src\/|^test\/|^runs\/|averse_recipe|averse_bench|\.averse-/.test(file),
  );
  expect(strange).toEqual([]);
});

describe("unpacked in a place of its own", () => {
  test("a run without an environment says what to do, as a missing environment", () => {
    const { status, stderr } = averse(["run", "smoke"]);
    expect(stderr).toMatch(/no environment in \S+environments yet; run `averse setup`/);
    expect(status).toBe(3);
    expect(readdirSync(empty)).toEqual([]);
  });

  test("`averse setup` makes the environment, backends have it, --remove leaves nothing", () => {
    const path = { PATH: `${join(place, "stub")}:/usr/bin:/bin` };
    const unknown = averse(["setup", "--extra", "cuba"], path);
    expect(unknown.stderr).toContain("--extra cuba: there is cuda. Did you mean cuda?");
    expect(unknown.status).toBe(2);
    const made = averse(["setup", "--installer", "pip"], path);
    expect(made.stderr).toContain("Installing the Python packages");
    expect(made.stdout).toMatch(/The environment of averse \S+ is complete: /);
    expect(made.status).toBe(0);
    const backends = JSON.parse(averse(["backends", "--json"], path).stdout) as unknown[];
    expect(backends).toContainEqual(expect.objectContaining({ name: "local", ready: true }));
    expect(averse(["setup", "--remove"], path).status).toBe(2);
    const removed = averse(["setup", "--remove", "--yes"], path);
    expect(removed.stdout).toMatch(/^removed /);
    expect(existsSync(join(place, "data", "averse"))).toBe(false);
  });

  test("a run in an empty folder has its results there, and leaves the package as it was", () => {
    const before = readdirSync(packageFolder, { recursive: true }).length;
    const { status, stdout, stderr } = averse(["run", "smoke", "--backend", "fake"], {
      AVERSE_PYTHON: pythonPath(root),
    });
    expect(stderr).toBe("");
    expect(stdout).toContain("report.html");
    expect(status).toBe(0);
    expect(readdirSync(empty)).toContain("runs");
    expect(readdirSync(packageFolder, { recursive: true })).toHaveLength(before);
  });

  test("in a checkout `averse setup` points to npm start", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, "dist", "main.js"), "setup"],
      { encoding: "utf8" },
    );
    expect(stderr).toContain("is a checkout: `npm start`");
    expect(status).toBe(2);
  });
});
