import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeReports } from "../../src/cli/run/report-files.js";
import { runExperiment } from "../../src/engine/engine.js";
import { planRun } from "../../src/engine/plan.js";
import { checksummedLine } from "../../src/journal/line.js";
import type { FileFinding } from "../../src/store/part-check.js";
import { createRun } from "../../src/store/run-folder.js";
import { verifyRun } from "../../src/store/verify-run.js";
import { stepPayload } from "../engine/event-payloads.js";
import { smallExperiment } from "../engine/experiments.js";
import { MemoryArtifacts } from "../engine/memory-artifacts.js";
import { simulatedWorker } from "../worker/simulated/worker.js";
import { newRun, provenance, reopened, tickingClock } from "./folders.js";

/** A whole run on simulated workers, with side files, checkpoints and models. */
async function completeRun(runDir: string): Promise<string> {
  const experiment = smallExperiment({
    arms: { sft: {}, "ra-rlhf": {} },
    training: { iterations: 3, batch: 4100, minibatch: 4100, epochs: 1 },
    checkpoint: { every: 1 },
    record: { completions: "tail", completions_every: 2 },
    parallel: 1,
  });
  const recorder = createRun({
    ...{ experiment, runsFolder: scratch, runDir, provenance: provenance(), artifacts: null },
    now: tickingClock(),
  });
  const { signal } = new AbortController();
  const { outcome } = await runExperiment(
    experiment,
    planRun(experiment, { cores: 1, gpus: 0 }),
    {
      openWorker: async () => simulatedWorker(),
      recorder,
      artifacts: new MemoryArtifacts(scratch),
      clock: () => 0,
      wait: async () => {},
      observe: () => {},
      stop: signal,
      abort: signal,
    },
    null,
  );
  expect(outcome).toBe("done");
  recorder.close();
  await writeReports(recorder.directory, { showText: false });
  return recorder.directory;
}

let scratch: string;
let whole: string;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "averse-verify-"));
  whole = await completeRun(join(scratch, "whole"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Files that manifest or journal vouch for, or a list beside them; with these lists. */
function vouchedFor(run: string): string[] {
  return readdirSync(run, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(run, join(entry.parentPath, entry.name)))
    .filter((file) => !/^(lock|logs|cache)\/|\/texts\//.test(file))
    .sort();
}

const isList = (file: string) => file.endsWith(".sha256");

async function findingsOf(run: string): Promise<FileFinding[]> {
  return (await verifyRun(run)).parts.flatMap(({ findings }) => findings);
}

/** Harms a copy, looks, and takes the harm back. */
async function harmed(file: string, harm: (path: string) => void): Promise<FileFinding[]> {
  const path = join(whole, file);
  const before = readFileSync(path);
  try {
    harm(path);
    return await findingsOf(whole);
  } finally {
    writeFileSync(path, before);
  }
}

test("a whole run is what was written, and all of it was read", async () => {
  const { parts, bytes } = await verifyRun(whole);
  expect(parts.flatMap(({ findings }) => findings)).toEqual([]);
  const sound = Object.fromEntries(parts.map(({ part, sound }) => [part, sound]));
  const { journal, ...others } = sound;
  expect(others).toEqual({
    ...{ manifest: 1, evaluation: 1, episodes: 3, completions: 2, checkpoints: 3, models: 2 },
    ...{ samples: 2, reports: 2 },
  });
  expect(parts.flatMap(({ unchecked }) => unchecked)).toEqual([]);
  const lines = readFileSync(join(whole, "journal.jsonl"), "utf8").split("\n").length - 1;
  expect(journal).toBe(lines);
  const sizes = vouchedFor(whole).map((file) => statSync(join(whole, file)).size);
  expect(bytes).toBe(sizes.reduce((sum, size) => sum + size));
});

test("every one of 150 random flipped bytes is found, and its file and line named", async () => {
  const files = vouchedFor(whole).filter((file) => !isList(file));
  expect(files.length).toBeGreaterThan(15);
  const flip = fc.record({
    file: fc.constantFrom(...files),
    place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    mask: fc.integer({ min: 1, max: 255 }),
  });
  await fc.assert(
    fc.asyncProperty(flip, async ({ file, place, mask }) => {
      const bytes = readFileSync(join(whole, file));
      const at = Math.floor(place * bytes.length);
      const line = bytes.subarray(0, at).filter((byte) => byte === 10).length + 1;
      bytes[at]! ^= mask;
      const findings = await harmed(file, (path) => writeFileSync(path, bytes));
      expect(findings).toEqual([
        { file, line: file === "journal.jsonl" ? line : null, message: expect.any(String) },
      ]);
    }),
    { seed: 3, numRuns: 150 },
  );
});

test("a flipped byte of a list of digests is found, in it or in a file of it", async () => {
  const lists = vouchedFor(whole).filter(isList);
  expect(lists).toEqual([
    "report.sha256",
    "trials/ra-rlhf-s0/samples/step-000003.sha256",
    "trials/sft-s0/samples/step-000000.sha256",
  ]);
  for (const list of lists) {
    const written = readFileSync(join(whole, list));
    const own = [list, ...written.toString().matchAll(/\S+$/gm)].map((name) =>
      join(dirname(list), basename(String(name))),
    );
    for (let at = 0; at < written.length; at += 11) {
      const bytes = Buffer.from(written);
      bytes[at]! ^= 1 + (at % 255);
      const findings = await harmed(list, (path) => writeFileSync(path, bytes));
      expect(findings, `byte ${at}`).toEqual([
        { file: expect.toBeOneOf(own), line: null, message: expect.stringContaining(list) },
      ]);
    }
  }
});

test("reports made again are vouched for again; those of a former version are told apart", async () => {
  const run = join(scratch, "reported");
  cpSync(whole, run, { recursive: true });
  await writeReports(run, { showText: true });
  expect(await findingsOf(run)).toEqual([]);
  rmSync(join(run, "report.sha256"));
  rmSync(join(run, "trials/sft-s0/samples/step-000000.sha256"));
  const { parts } = await verifyRun(run);
  expect(parts.flatMap(({ findings }) => findings)).toEqual([]);
  expect(parts.flatMap(({ unchecked }) => unchecked)).toEqual([
    "trials/sft-s0/samples/step-000000.jsonl",
    "report.html",
    "report.md",
  ]);
});

test("texts for reading are vouched for by nobody: damaged or gone, they are no finding", async () => {
  const file = "trials/ra-rlhf-s0/texts/step-000002.jsonl";
  expect(await harmed(file, (path) => appendFileSync(path, "\0"))).toEqual([]);
  expect(await harmed(file, (path) => rmSync(path))).toEqual([]);
});

test("every line feed and every byte of the checksums of a journal counts", async () => {
  const file = "journal.jsonl";
  const text = readFileSync(join(whole, file), "latin1");
  const lines = text.split("\n");
  let end = -1;
  for (const [index, line] of lines.slice(0, -1).entries()) {
    end += line.length + 1;
    const bytes = Buffer.from(text, "latin1");
    bytes[end - (index % 48)]! ^= 1 + (index % 255);
    const findings = await harmed(file, (path) => writeFileSync(path, bytes));
    expect(findings, `line ${index + 1}`).toMatchObject([{ file, line: index + 1 }]);
  }
});

describe("found as well:", () => {
  const lastLine = (text: string) => text.lastIndexOf("\n", text.length - 2) + 1;

  test("a torn last line", async () => {
    const findings = await harmed("journal.jsonl", (path) =>
      truncateSync(path, statSync(path).size - 5),
    );
    expect(findings).toMatchObject([
      { message: expect.stringMatching(/cut off: .*of a run that is done, restore the file/) },
    ]);
  });

  test("a journal that ends too early, at the end of a line", async () => {
    const findings = await harmed("journal.jsonl", (path) =>
      truncateSync(path, lastLine(readFileSync(path, "latin1"))),
    );
    expect(findings).toMatchObject([
      { file: "journal.jsonl", line: null, message: expect.stringMatching(/the manifest records/) },
    ]);
  });

  test("events after the run's end that do not take it up again", async () => {
    const file = "journal.jsonl";
    const text = readFileSync(join(whole, file), "utf8");
    const lines = text.trimEnd().split("\n");
    const json = JSON.stringify({
      ...{ seq: lines.length + 1, time: "", trial: null },
      ...{ type: "warning", message: "" },
    });
    const { bytes } = checksummedLine(json, lines.at(-1)!.slice(-34, -2));
    const findings = await harmed(file, (path) => appendFileSync(path, bytes));
    expect(findings).toMatchObject([{ file, line: lines.length + 1 }]);
  });

  test("all of several faults, each with its place", async () => {
    const run = join(scratch, "harmed");
    cpSync(whole, run, { recursive: true });
    const checkpoint = "trials/ra-rlhf-s0/checkpoints/step-000002";
    const journal = readFileSync(join(run, "journal.jsonl"), "utf8").split("\n");
    journal[1] = journal[1]!.replace('"seq":2', '"seq":9');
    journal[4] = journal[4]!.replace('"seq":5', '"seq":9');
    writeFileSync(join(run, "journal.jsonl"), journal.join("\n"));
    rmSync(join(run, "evaluation.json"));
    rmSync(join(run, checkpoint, "controller.json"));
    writeFileSync(join(run, checkpoint, "stray"), "");
    writeFileSync(join(run, "trials/sft-s0/model/digests.json"), "{}");
    const findings = await findingsOf(run);
    expect(findings.map(({ file, line }) => [file, line])).toEqual([
      ["journal.jsonl", 2],
      ["journal.jsonl", 5],
      ["evaluation.json", null],
      [`${checkpoint}/controller.json`, null],
      [`${checkpoint}/stray`, null],
      ["trials/sft-s0/model/digests.json", null],
    ]);
    expect(findings.every(({ message }) => !message.includes(run))).toBe(true);
  });

  test("a checkpoint folder that is missing", async () => {
    const run = join(scratch, "lacking");
    cpSync(whole, run, { recursive: true });
    rmSync(join(run, "trials/ra-rlhf-s0/checkpoints/step-000003"), { recursive: true });
    expect(await findingsOf(run)).toMatchObject([
      { message: expect.stringMatching(/step-000003\/digests\.json: no such file or folder/) },
    ]);
  });
});

describe("beside a run's own files", () => {
  const checkpoints = "trials/ra-rlhf-s0/checkpoints";

  test("a stray file or folder among checkpoints is found", async () => {
    const run = join(scratch, "stray");
    cpSync(whole, run, { recursive: true });
    writeFileSync(join(run, checkpoints, "stray.bin"), "");
    mkdirSync(join(run, checkpoints, "step-000002.copy"));
    const findings = await findingsOf(run);
    expect(findings.map(({ file }) => file).sort()).toEqual([
      `${checkpoints}/step-000002.copy`,
      `${checkpoints}/stray.bin`,
    ]);
  });

  test("what a controller that died leaves, and the file system's own, is not", async () => {
    const run = join(scratch, "left");
    cpSync(whole, run, { recursive: true });
    mkdirSync(join(run, checkpoints, "step-000004.partial"));
    mkdirSync(join(run, checkpoints, "step-000001.removed"));
    mkdirSync(join(run, checkpoints, "step-000004"));
    writeFileSync(join(run, checkpoints, ".nfs0001"), "");
    expect(await findingsOf(run)).toEqual([]);
  });

  test.each([`${checkpoints}/step-000002`, "trials/sft-s0/model"])(
    "a link in the place of %s is found",
    async (path) => {
      const run = join(scratch, `linked-${basename(path)}`);
      cpSync(whole, run, { recursive: true });
      renameSync(join(run, path), join(run, "elsewhere"));
      symlinkSync(join(run, "elsewhere"), join(run, path));
      expect(await findingsOf(run)).toEqual([
        { file: path, line: null, message: "it is a link; expected a folder" },
      ]);
    },
  );

  test.each(["", "garbage", "{}"])("a lock that reads %j keeps nothing unchecked", async (text) => {
    const run = join(scratch, `locked-${text.length}`);
    cpSync(whole, run, { recursive: true });
    const lock = `lock/${readdirSync(join(run, "lock"))[0]}`;
    writeFileSync(join(run, lock), text);
    rmSync(join(run, "evaluation.json"));
    expect(await findingsOf(run)).toMatchObject([
      { file: "lock", message: expect.stringMatching(/^lock\/000001\.json is not a lock/) },
      { file: "evaluation.json" },
    ]);
  });
});

describe("kept completions", () => {
  const folder = "trials/ra-rlhf-s0/completions";

  test("one that is missing, added, or beside them is found and named", async () => {
    const run = join(scratch, "completions");
    cpSync(whole, run, { recursive: true });
    rmSync(join(run, folder, "step-000002.parquet"));
    writeFileSync(join(run, folder, "step-000001.parquet"), "PAR1");
    writeFileSync(join(run, folder, "notes.txt"), "");
    expect((await findingsOf(run)).map(({ file, message }) => `${file}: ${message}`)).toEqual([
      expect.stringMatching(/step-000002\.parquet: .*no such file/),
      `${folder}/notes.txt: unexpected file: no event of the journal names it`,
      `${folder}/step-000001.parquet: unexpected file: no event of the journal names it`,
    ]);
  });

  test("of a step that is done again get a file of their own; what a dead controller left goes", async () => {
    const run = newRun({
      experiment: smallExperiment({ record: { completions: "all" } }),
    });
    const trial = "rlhf-s0";
    const at = `trials/${trial}/completions`;
    const write = (recorder: typeof run, episode: number) =>
      recorder.writeCompletions(trial, 3, [{ ...completion, episode }]);
    run.append(trial, stepPayload({ step: 3, completions: write(run, 1) }));
    run.append(trial, stepPayload({ step: 4, completions: null }));
    // Its event never came.
    expect(write(run, 2).file).toBe(`${at}/step-000003-2.parquet`);
    writeFileSync(join(run.directory, at, "step-000003-3.parquet.tmp"), "");
    run.close();
    expect(await findingsOf(run.directory)).toEqual([]);
    const { recorder } = await reopened(run.directory);
    expect(readdirSync(join(run.directory, at))).toEqual(["step-000003.parquet"]);
    recorder.append(null, { type: "run_resumed", parallel: 1, cut_bytes: 0, from: {} });
    recorder.append(trial, stepPayload({ step: 3, completions: write(recorder, 2) }));
    recorder.append(null, { type: "run_finished", outcome: "done", message: "", seconds: 1 });
    const { parts } = await verifyRun(run.directory);
    expect(parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(parts.find(({ part }) => part === "completions")).toMatchObject({ sound: 2 });
  });

  test("of a version whose events did not name them are told apart", async () => {
    const run = newRun({ experiment: smallExperiment({ record: { completions: "all" } }) });
    const { file } = run.writeCompletions("rlhf-s0", 3, [completion]);
    run.append("rlhf-s0", stepPayload({ step: 3 }));
    run.close();
    await reopened(run.directory);
    const { parts } = await verifyRun(run.directory);
    expect(parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(parts.flatMap(({ unchecked }) => unchecked)).toEqual([file]);
  });
});

const completion = {
  ...{ episode: 0, prompt_id: 0, prompt: "p", completion: "c" },
  ...{ reward: 1, kl: 0, return: 1, tokens: 1, weight: 1 },
};

describe("a run that goes on", () => {
  test("may have a last line that is being written", async () => {
    const run = newRun();
    run.append(null, { type: "warning", message: "" });
    appendFileSync(join(run.directory, "journal.jsonl"), '{"seq":2');
    expect(await findingsOf(run.directory)).toEqual([]);
    run.close();
    expect(await findingsOf(run.directory)).toMatchObject([{ file: "journal.jsonl", line: 2 }]);
  });

  test("and was over before is whole, also before its manifest says so", async () => {
    const run = newRun();
    run.append(null, { type: "run_finished", outcome: "failed", message: "", seconds: 1 });
    const finished = readFileSync(join(run.directory, "manifest.json"));
    run.close();
    const { recorder } = await reopened(run.directory);
    recorder.append(null, { type: "run_resumed", parallel: 1, cut_bytes: 0, from: {} });
    expect(await findingsOf(run.directory)).toEqual([]);
    writeFileSync(join(run.directory, "manifest.json"), finished);
    expect(await findingsOf(run.directory)).toEqual([]);
  });
});
