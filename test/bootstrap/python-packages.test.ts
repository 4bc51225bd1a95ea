import { chmodSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { currentPackage } from "../../src/bootstrap/pip-install.mjs";
import {
  ensureEnvironment,
  ensurePythonPackages,
  markedExtras,
  type Place,
  pythonFingerprint,
} from "../../src/bootstrap/python-packages.mjs";
import { type StubCheckout, stubCheckout } from "./stub-checkout.js";

const ensure = (checkout: StubCheckout, ...extras: string[]) =>
  ensurePythonPackages(checkout.root, extras, () => {});

const complete = '{"version":"3.12.4","missing":[],"problems":[]}';
const broken = '{"version":"3.12.4","missing":[],"problems":["torch is 2.9.0, wanted ==2.13.0"]}';

describe("the Python environment", () => {
  test("is made, filled and marked, once", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["venv", "pip ."]);
    expect(checkout.has(".venv/averse-ready.json")).toBe(true);
    await ensure(checkout);
    expect(checkout.calls()).toEqual([]);
  });

  test("gets further packages added, and keeps those it has", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    checkout.write(".venv/probe.json", '{"version":"3.12.4","missing":["pytest"],"problems":[]}');
    checkout.calls();
    await ensure(checkout, "dev");
    expect(checkout.calls()).toEqual(["pip .[dev]"]);
    await ensure(checkout);
    await ensure(checkout, "dev");
    expect(checkout.calls()).toEqual([]);
  });

  test("that somebody made, complete but unmarked, is kept and marked", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    checkout.remove(".venv/averse-ready.json");
    checkout.calls();
    await ensure(checkout);
    expect(checkout.calls()).toEqual([]);
    expect(checkout.has(".venv/averse-ready.json")).toBe(true);
  });

  test("left by an interrupted pip is completed", async () => {
    const checkout = stubCheckout();
    vi.stubEnv("STUB_FAIL", "pip");
    await expect(ensure(checkout)).rejects.toThrow("pip could not install the Python packages");
    expect(checkout.has(".venv/averse-ready.json")).toBe(false);
    vi.stubEnv("STUB_FAIL", undefined);
    checkout.calls();
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["pip ."]);
  });

  test("with other versions, half installed packages or from another place is made anew", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    checkout.write(".venv/probe.json", broken);
    checkout.write(".venv/old-file", "");
    checkout.remove(".venv/averse-ready.json");
    checkout.calls();
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["venv", "pip ."]);
    expect(checkout.has(".venv/old-file")).toBe(false);
  });

  test("is looked into again when the wanted versions change", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    checkout.write("python/constraints.txt", "torch==2.14.0\n");
    checkout.write(".venv/probe.json", complete);
    checkout.calls();
    await ensure(checkout);
    expect(checkout.calls()).toEqual([]);
    checkout.write("python/constraints.txt", "torch==2.15.0\n");
    checkout.write(".venv/probe.json", broken);
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["venv", "pip ."]);
  });

  test("with an interpreter that is gone is made anew", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    checkout.remove(".venv/bin/python");
    symlinkSync("/nowhere/python3", join(checkout.root, ".venv", "bin", "python"));
    checkout.calls();
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["venv", "pip ."]);
  });

  test("that is a file in the way gives way", async () => {
    const checkout = stubCheckout();
    checkout.write(".venv", "not a folder");
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["venv", "pip ."]);
  });

  test("is left alone when there is no Python to make another", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    checkout.write(".venv/probe.json", broken);
    checkout.remove(".venv/averse-ready.json");
    checkout.remove("stub-bin/python3");
    await expect(ensure(checkout)).rejects.toThrow("Averse needs Python 3.11 or newer");
    expect(checkout.has(".venv/bin/python")).toBe(true);
  });
});

describe("its fingerprint", () => {
  test("changes with what is installed, where and by what, and with nothing else", () => {
    const checkout = stubCheckout();
    const now = () => pythonFingerprint(checkout.root, "3.12.4");
    const before = now();
    checkout.write("pyproject.toml", '[project]\nname = "x"\n[tool.ruff]\nline-length = 80\n');
    expect(now()).toBe(before);
    expect(pythonFingerprint(checkout.root, "3.12.5")).not.toBe(before);
    checkout.write("pyproject.toml", '[project]\nname = "x"\ndependencies = ["a"]\n');
    expect(now()).not.toBe(before);
    expect(pythonFingerprint(stubCheckout().root, "3.12.4")).not.toBe(before);
  });

  test.each([
    [null, null],
    ["text", null],
    [{}, null],
    [{ fingerprint: "other", extras: [] }, null],
    [{ fingerprint: "wanted" }, null],
    [{ fingerprint: "wanted", extras: ["dev"] }, ["dev"]],
  ])("in the mark %j", (mark, extras) => {
    expect(markedExtras(mark, "wanted")).toEqual(extras);
  });
});

test.each([
  ["Collecting torch==2.13.0 (from averse-worker==0.1.0)", "torch"],
  ["  Downloading torch-2.13.0-cp311-none-linux.whl (180.2 MB)", "torch 2.13.0 (180.2 MB)"],
  ["  Downloading https://x.org/a/numpy-2.4.6-cp311.whl (12 MB)", "numpy 2.4.6 (12 MB)"],
  ["Installing collected packages: a, b, c", "unpacking 3 packages"],
  ["Requirement already satisfied: numpy", null],
])("pip's line %j names %j", (line, name) => {
  expect(currentPackage(line)).toBe(name);
});

describe("the environment of an installed package", () => {
  const place = (checkout: StubCheckout, more: Partial<Place> = {}): Place => {
    const folder = join(checkout.root, "data", "environments", "0.1.0");
    return {
      root: checkout.root,
      folder,
      interpreter: join(folder, "bin", "python"),
      editable: false,
      pinned: true,
      installer: "pip",
      madeWith: null,
      ...more,
    };
  };
  const make = (checkout: StubCheckout, extras: string[], more: Partial<Place> = {}) =>
    ensureEnvironment(place(checkout, more), extras, () => {});

  test("gets what pyproject.toml requires and not the package, once", async () => {
    const checkout = stubCheckout();
    await make(checkout, ["cuda"]);
    expect(checkout.calls()).toEqual(["venv", "pip reader-of-cuda>=1"]);
    expect(checkout.has("data/environments/0.1.0/averse-ready.json")).toBe(true);
    await make(checkout, []);
    expect(checkout.calls()).toEqual([]);
  });

  test("is used on where an extra could not be added", async () => {
    const checkout = stubCheckout();
    await make(checkout, []);
    const environment = "data/environments/0.1.0";
    checkout.write(
      `${environment}/probe-cuda.json`,
      '{"version":"3.12.4","missing":["reader-of-cuda"],"problems":[]}',
    );
    vi.stubEnv("STUB_FAIL", "pip");
    await expect(make(checkout, ["cuda"])).rejects.toThrow("pip could not install");
    expect(checkout.has(`${environment}/averse-ready.json`)).toBe(true);
    // Where pip has left damage, it is not.
    checkout.write(`${environment}/probe.json`, broken);
    await expect(make(checkout, ["cuda"])).rejects.toThrow("pip could not install");
    expect(checkout.has(`${environment}/averse-ready.json`)).toBe(false);
  });

  test("is filled by uv where that is asked for", async () => {
    const checkout = stubCheckout();
    checkout.write(
      "stub-bin/uv",
      `#!/bin/sh\necho "uv $*" >> "${checkout.root}/uv-calls"\nexit 1\n`,
    );
    chmodSync(join(checkout.root, "stub-bin", "uv"), 0o755);
    await expect(make(checkout, [], { installer: "uv" })).rejects.toThrow("uv could not install");
    const said = readFileSync(join(checkout.root, "uv-calls"), "utf8");
    expect(said).toMatch(
      /^uv pip install --python \S+0\.1\.0\/bin\/python -c \S+constraints\.txt zod-like>=1/,
    );
  });

  test("does not change where the package is moved", async () => {
    const checkout = stubCheckout();
    await make(checkout, []);
    const other = stubCheckout();
    checkout.calls();
    await make(checkout, [], { root: other.root });
    expect([...checkout.calls(), ...other.calls()]).toEqual([]);
  });
});
