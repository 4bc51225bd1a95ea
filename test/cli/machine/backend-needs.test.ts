import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { backendNeeds } from "../../../src/cli/machine/backend-needs.js";
import { packageRoot } from "../../../src/cli/machine/package.js";
import { readWorkerSpec } from "../../../src/worker/spec.js";

test.each([
  [0, true],
  [1, false],
])("deepspeed needs its package in the worker's Python (look-up ends with %i)", (code, ok) => {
  const folder = mkdtempSync(join(tmpdir(), "averse-needs-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const python = join(folder, "python");
  writeFileSync(python, `#!/bin/sh\nexit ${code}\n`, { mode: 0o755 });
  const needs = backendNeeds(readWorkerSpec("deepspeed", packageRoot), { AVERSE_PYTHON: python });
  expect(needs).toMatchObject([
    { what: "Python", ok: true },
    { what: "deepspeed", ok, remedy: ok ? "" : expect.stringContaining("deepspeed") },
  ]);
});
