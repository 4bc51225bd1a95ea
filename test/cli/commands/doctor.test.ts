import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  artifactsFinding,
  assetFindings,
  nodeFinding,
  packageFindings,
  pythonFinding,
  runsFinding,
  torchFindings,
  venvFinding,
} from "../../../src/cli/machine/doctor-checks.js";
import type { PythonFacts } from "../../../src/cli/machine/environment-probe.js";
import { averse, buildProgramFirst, root } from "../averse.js";

buildProgramFirst();

const facts: PythonFacts = {
  version: "3.12.1",
  executable: "/x/python",
  packages: { torch: "2.13.0+cpu" },
  torch: { cuda: [], cuda_build: null, cuda_load_error: null, mps: false, threads: 2 },
  torch_error: null,
};

test("doctor tells of everything, as JSON too, and of a broken Python with exit 3", {
  timeout: 180_000,
}, async () => {
  const { code, stdout } = await averse(["doctor", "--json"]);
  const { ok, findings } = JSON.parse(stdout);
  expect(code).toBe(ok ? 0 : 3);
  const what = findings.map((one: { what: string }) => one.what);
  for (const name of [
    "Node",
    "npm",
    "Python",
    "torch",
    "trl",
    "CPU",
    "CUDA",
    "MPS",
    "worker handshake",
    "runs folder",
    "built-in reward",
  ]) {
    expect(what).toContain(name);
  }
  for (const one of findings) expect(one.ok !== false || one.remedy !== "", one.what).toBe(true);
  const broken = await averse(["doctor"], { env: { AVERSE_PYTHON: "/nowhere/python3" } });
  expect(broken.code).toBe(3);
  expect(broken.stdout).toMatch(/✗ +Python +\/nowhere\/python3 does not run/);
});

describe("a finding", () => {
  test("on Node's version", () => {
    expect(nodeFinding("20.19.0").ok).toBe(true);
    expect(nodeFinding("20.18.3")).toMatchObject({
      ok: false,
      remedy: expect.stringContaining("20.19"),
    });
    expect(nodeFinding("9.0.0").ok).toBe(false);
    expect(nodeFinding("22.1.0").ok).toBe(true);
  });

  test("on Python's version", () => {
    expect(pythonFinding(facts, "python3").ok).toBe(true);
    expect(pythonFinding({ ...facts, version: "3.10.9" }, "python3").ok).toBe(false);
    expect(pythonFinding("no such file", "python3").found).toContain("no such file");
  });

  test("on packages: local builds are their version, others are told, missing ones are a fault", () => {
    const by = (found: ReturnType<typeof packageFindings>) =>
      Object.fromEntries(found.map(({ what, ok }) => [what, ok]));
    expect(by(packageFindings(facts, root))).toMatchObject({ torch: true, trl: false });
    const older = { ...facts, packages: { torch: "2.9.0" } };
    expect(by(packageFindings(older, root)).torch).toBeNull();
  });

  test("on a torch that cannot be imported", () => {
    const found = torchFindings({ ...facts, torch: null, torch_error: "ImportError: libfoo" });
    expect(found.at(-1)).toMatchObject({ ok: false, found: "ImportError: libfoo" });
  });

  test("on a GPU's load: told where there is a GPU, and no fault where it cannot be read", () => {
    const load = (cuda: readonly string[], cuda_load_error: string | null) =>
      torchFindings({
        ...facts,
        torch: { cuda, cuda_build: "12.8", cuda_load_error, mps: false, threads: 2 },
      }).find(({ what }) => what === "GPU load");
    expect(load([], null)).toBeUndefined();
    expect(load(["H200"], null)).toMatchObject({ ok: true, remedy: "" });
    expect(load(["H200"], "ModuleNotFoundError: nvidia-ml-py …")).toMatchObject({
      ok: null,
      found: "cannot be read: ModuleNotFoundError: nvidia-ml-py …",
      remedy: expect.stringContaining("npm start"),
    });
    expect(load(["H200"], "NVMLError_NotSupported: Not Supported")).toMatchObject({
      ok: null,
      remedy: expect.not.stringContaining("install"),
    });
  });

  test("on the virtual environment", () => {
    const folder = scratchRoot();
    mkdirSync(join(folder, "src"));
    writeFileSync(join(folder, "src", "main.ts"), "");
    expect(venvFinding(folder, {}).ok).toBe(false);
    mkdirSync(join(folder, ".venv"));
    expect(venvFinding(folder, {}).ok).toBeNull();
    writeFileSync(join(folder, ".venv", "averse-ready.json"), "{}");
    expect(venvFinding(folder, {}).ok).toBe(true);
    expect(venvFinding(folder, { AVERSE_PYTHON: "/x" }).ok).toBeNull();
  });

  test("on the runs folder, which may be still to be made", () => {
    expect(runsFinding(join(scratchRoot(), "a", "b")).ok).not.toBe(false);
    expect(artifactsFinding(join(scratchRoot(), "a", "c")).ok).not.toBe(false);
  });

  test("on built-in models", () => {
    expect(assetFindings(scratchRoot()).every(({ ok }) => ok === false)).toBe(true);
  });
});

function scratchRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), "averse-doctor-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
