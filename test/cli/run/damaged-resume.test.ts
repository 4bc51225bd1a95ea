/** A run whose record cannot be gone on from: what is wrong, what to do next, and nothing changed. */
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCommandLine } from "../../../src/cli/program.js";
import { newRun, tickingClock } from "../../store/folders.js";

function resume(folder: string): Promise<{ code: number; err: string }> {
  return averse("resume", folder, "--plain");
}

async function averse(...args: string[]): Promise<{ code: number; err: string }> {
  let err = "";
  const code = await runCommandLine(args, {
    out: () => {},
    err: (text) => {
      err += `${text}\n`;
    },
    isTty: false,
    hasScreen: false,
    columns: 100,
    color: false,
    unicode: true,
  });
  return { code, err };
}

/** Left by its controller after two events. */
function leftRun(): string {
  const run = newRun({ now: tickingClock() });
  run.append(null, { type: "warning", message: "first" });
  run.append(null, { type: "warning", message: "second" });
  run.close();
  return run.directory;
}

test.each<[string, string, (path: string) => void, RegExp]>([
  [
    "a changed journal line",
    "journal.jsonl",
    (path) => writeFileSync(path, readFileSync(path, "utf8").replace("first", "other")),
    /journal\.jsonl, line 1: its checksum is /,
  ],
  ["no journal", "journal.jsonl", (path) => rmSync(path), /journal\.jsonl: no such file/],
  [
    "an empty manifest",
    "manifest.json",
    (path) => truncateSync(path),
    /manifest\.json is not JSON/,
  ],
  [
    "a changed manifest",
    "manifest.json",
    (path) => writeFileSync(path, readFileSync(path, "utf8").replace('"seeds"', '"sneds"')),
    /manifest\.json .*(seeds|sneds)|manifest\.json was changed/,
  ],
])("%s ends with 3 and the next step", async (_, file, harm, message) => {
  const run = leftRun();
  harm(join(run, file));
  const { code, err } = await resume(run);
  expect(code).toBe(3);
  expect(err).toMatch(message);
  expect(err).toContain(
    `\`averse verify ${run}\` lists everything that is damaged: restore those files from a copy and ` +
      "resume, or start a new run.",
  );
});

test("a journal that was emptied after the run's end is told, and takes no file with it", async () => {
  const run = newRun({ now: tickingClock() });
  run.append(null, { type: "run_started", name: "small", trials: ["rlhf-s0"], parallel: 1 });
  const over = { outcome: "interrupted", message: "", seconds: 1 } as const;
  run.append(null, { type: "run_finished", ...over });
  run.close();
  const folder = run.directory;
  const checkpoint = join(folder, "trials", "rlhf-s0", "checkpoints", "step-000050");
  mkdirSync(checkpoint, { recursive: true });
  truncateSync(join(folder, "journal.jsonl"));
  const told = "journal.jsonl has 0 events; manifest.json records 2: it was emptied or truncated";
  expect(await averse("show", folder)).toMatchObject({
    code: 0,
    err: expect.stringContaining(`warning: ${told}`),
  });
  for (const command of ["report", "resume"]) {
    const { code, err } = await averse(command, folder);
    expect(err).toContain(told);
    expect(code).toBe(3);
  }
  expect(existsSync(checkpoint)).toBe(true);
  expect(existsSync(join(folder, "report.md"))).toBe(false);
});

test("a manifest that is gone is named, with the command that checks the rest", async () => {
  const run = leftRun();
  rmSync(join(run, "manifest.json"));
  const { code, err } = await resume(run);
  expect(code).toBe(2);
  expect(err).toContain("manifest.json is missing. Restore it from a copy");
  expect(err).toContain(`averse verify ${run}`);
});
