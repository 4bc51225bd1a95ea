import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { runCommandLine } from "../../../src/cli/program.js";
import { newRun, temporaryFolder } from "../../store/folders.js";

/** The command's exit code and what it printed. */
async function verify(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const code = await runCommandLine(["verify", ...args], {
    out: (text) => {
      said.out += `${text}\n`;
    },
    err: (text) => {
      said.err += `${text}\n`;
    },
    isTty: false,
    hasScreen: false,
    columns: 120,
    color: false,
    unicode: true,
  });
  return { code, ...said };
}

/** Over, with a checkpoint. */
function finishedRun(): string {
  const run = newRun();
  const trial = "rlhf-s0";
  writeFileSync(join(run.prepare(trial, "checkpoint", 2), "state.json"), "{}");
  const files = {
    "state.json": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  };
  const part = run.complete(trial, "checkpoint", 2, files);
  run.append(trial, { type: "checkpoint_saved", step: 2, ...part, bytes: 2, seconds: 0 });
  run.append(null, { type: "run_finished", outcome: "failed", message: "", seconds: 1 });
  run.close();
  return run.directory;
}

test("a run that is as it was written ends with 0, a tick a part", async () => {
  const { code, out } = await verify(finishedRun());
  expect(code).toBe(0);
  expect(out.split("\n").slice(0, -2)).toEqual([
    "✓  manifest     1 file",
    "✓  journal      2 events",
    "·  evaluation   0 files",
    "·  episodes     0 files",
    "·  completions  0 files",
    "✓  checkpoints  1 folder",
    "·  models       0 folders",
    "·  samples      0 files",
    "·  reports      0 files",
  ]);
  expect(out).toMatch(/: all files match their digests \(.*B read\)\.\n$/);
});

test("reports that nothing vouches for are told, and are no finding", async () => {
  const run = finishedRun();
  writeFileSync(join(run, "report.md"), "");
  const { code, out } = await verify(run);
  expect(code).toBe(0);
  expect(out).toContain("·  reports      0 files, 1 without a digest\n");
});

test("a damaged one ends with 4, every finding named", async () => {
  const run = finishedRun();
  const path = join(run, "trials/rlhf-s0/checkpoints/step-000002/state.json");
  writeFileSync(path, "[]");
  truncateSync(join(run, "journal.jsonl"), readFileSync(join(run, "journal.jsonl")).length - 3);
  const { code, out } = await verify(run);
  expect(code).toBe(4);
  expect(out).toMatch(/✗ {2}journal {6}1 event intact, 1 problem:\n {5}journal\.jsonl, line 2: /);
  expect(out).toMatch(
    /\n {5}trials\/rlhf-s0\/checkpoints\/step-000002\/state\.json: its sha256 is/,
  );
  expect(out).toMatch(/: 2 problems \(/);
});

test("--json gives one object, with counts and findings", async () => {
  const run = finishedRun();
  const good = await verify(run, "--json");
  expect(JSON.parse(good.out)).toEqual({
    type: "verify",
    run,
    ok: true,
    checked: {
      manifest: 1,
      journal: 2,
      evaluation: 0,
      episodes: 0,
      completions: 0,
      checkpoints: 1,
      models: 0,
      samples: 0,
      reports: 0,
      bytes: expect.any(Number),
    },
    unchecked: [],
    findings: [],
  });
  writeFileSync(join(run, "manifest.json"), "{}");
  const bad = await verify(run, "--json");
  expect(bad.code).toBe(4);
  expect(JSON.parse(bad.out)).toMatchObject({
    ok: false,
    findings: [{ file: "manifest.json", line: null, message: expect.any(String) }],
  });
});

test("a run without its manifest is checked all the same", async () => {
  const run = finishedRun();
  rmSync(join(run, "manifest.json"));
  const { code, out } = await verify(run);
  expect(code).toBe(4);
  expect(out).toContain("cannot read manifest.json: no such file or folder");
  expect(out).toContain("✓  checkpoints  1 folder");
  const named = await verify(basename(run), "--runs", dirname(run));
  expect(named).toMatchObject({ code: 4, out: expect.stringContaining("manifest.json") });
});

test("a path that leads to no run is told as such, with 2", async () => {
  const folder = temporaryFolder();
  const gone = await verify(join(folder, "gone"));
  expect(gone.code).toBe(2);
  expect(gone.err).toContain(`there is no folder ${join(folder, "gone")}.`);
  const empty = await verify(folder);
  expect(empty.code).toBe(2);
  expect(empty.err).toContain(`${folder} is not a run folder: manifest.json is missing.`);
});

test("no such run ends with 2", async () => {
  const { code, err } = await verify("nothing", "--runs", temporaryFolder());
  expect(code).toBe(2);
  expect(err).toMatch(/there is no run in/);
});
