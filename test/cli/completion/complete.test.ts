import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { complete, type KnownNames } from "../../../src/cli/completion/complete.js";
import { buildProgram } from "../../../src/cli/program.js";
import { processTerminal } from "../../../src/cli/terminal.js";
import { pythonPath } from "../../../src/worker/python-path.js";
import { root } from "../averse.js";

const known: KnownNames = {
  experiments: () => ["quickstart", "smoke"],
  runs: (folder) => (folder === "runs" ? ["latest", "smoke-1a2b"] : [`${folder}-run`]),
  trials: (run) => [`${run}-s0`],
  backends: () => ["local", "fake"],
  environments: () => ["0.1.0"],
  keys: async () => ["risk.alpha", "risk.rho"],
};

async function completed(line: string): Promise<string[]> {
  const program = buildProgram([], processTerminal(), () => {});
  const { candidates, paths } = await complete(program, line.split(" "), known);
  return [...candidates.map(({ value }) => value), ...(paths === "none" ? [] : [`:${paths}`])];
}

describe("what may stand at the cursor", () => {
  test.each([
    ["rep", ["reproduce", "report"]],
    ["artifacts ", ["ls", "rm", "help"]],
    ["run ", ["quickstart", "smoke", ":files"]],
    ["run sm", ["smoke", ":files"]],
    ["run smoke ", []],
    ["run smoke --run", ["--run-dir", "--runs"]],
    ["run --set risk.alpha=1 sm", ["smoke", ":files"]],
    ["run smoke --set risk.a", ["risk.alpha="]],
    ["run smoke --set=risk.r", ["risk.rho="]],
    ["run smoke --backend ", ["local", "fake", ":files"]],
    ["show ", ["latest", "smoke-1a2b", ":folders"]],
    ["show --runs elsewhere ", ["elsewhere-run", ":folders"]],
    ["show --runs=elsewhere ", ["elsewhere-run", ":folders"]],
    // As bash hands it on.
    ["show --runs = elsewhere ", ["elsewhere-run", ":folders"]],
    ["show --runs = el", [":folders"]],
    ["compare latest smo", ["smoke-1a2b", ":files"]],
    ["export latest --trial ", ["latest-s0"]],
    ["setup --installer=", ["uv", "pip"]],
    ["setup --remove ", ["0.1.0"]],
    ["completion ", ["bash", "zsh", "fish"]],
    ["audit --score ", []],
    ["audit ", [":files"]],
    ["no-such-command ", []],
  ])("averse %s", async (line, expected) => {
    expect(await completed(line)).toEqual(expected);
  });
});

test("bash completes commands, names on the disk, paths and values after =", () => {
  const folder = mkdtempSync(join(tmpdir(), "averse-tab-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "runs", "mine-1a2b"), { recursive: true });
  writeFileSync(join(folder, "runs", "mine-1a2b", "manifest.json"), "{}");
  mkdirSync(join(folder, "other runs"));
  const program = join(folder, "averse");
  writeFileSync(
    program,
    `#!/bin/sh\nexec "${process.execPath}" "${join(root, "dist", "main.js")}" "$@"\n`,
  );
  chmodSync(program, 0o755);
  writeFileSync(join(folder, "rc"), "source <(averse completion bash)\n");
  const { stdout, stderr } = spawnSync(
    pythonPath(root),
    [
      fileURLToPath(new URL("press_tab.py", import.meta.url)),
      join(folder, "rc"),
      "averse quick\t",
      "averse bac\tke\t",
      "averse run smo\t",
      "averse show mi\t",
      "averse show x --runs=oth\t",
      "averse run smoke --set risk.alp\t0.2",
    ],
    {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
    },
  );
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "[averse quick]",
    "[averse backends keys ]",
    "[averse run smoke ]",
    "[averse show mine-1a2b ]",
    "[averse show x --runs=other\\ runs/]",
    "[averse run smoke --set risk.alpha=0.2]",
  ]);
});
