import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestsText } from "../../src/store/digests.js";
import type { RunRecorder } from "../../src/store/recorder.js";
import { newRun } from "./folders.js";

const trial = "rlhf-s0";
const checkpoints = `trials/${trial}/checkpoints`;
const position = { trial, step: 50, beta: 0.1 + 0.2, compute: 7 };

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** What a worker does: writes into the folder that was prepared, and tells of its files. */
function write(folder: string, files: Readonly<Record<string, string>>): Record<string, string> {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, sha256(content)]),
  );
}

const state = { "policy/model.safetensors": "weights", "state.json": "{}" };

function saved(run: RunRecorder, step = 50): { folder: string; path: string; digest: string } {
  const told = write(run.prepare(trial, "checkpoint", step), state);
  const part = run.complete(trial, "checkpoint", step, told, { ...position, step });
  return { ...part, folder: join(run.directory, part.path) };
}

test("a checkpoint is complete once renamed, with every file's digest inside", () => {
  const run = newRun();
  const partial = run.prepare(trial, "checkpoint", 50);
  expect(partial).toBe(join(run.directory, checkpoints, "step-000050.partial"));
  expect(readdirSync(partial)).toEqual([]);
  const { folder, path, digest } = saved(run);
  expect(path).toBe(`${checkpoints}/step-000050`);
  expect(existsSync(partial)).toBe(false);
  expect(readdirSync(folder).sort()).toEqual([
    "controller.json",
    "digests.json",
    "policy",
    "state.json",
  ]);
  const controller = readFileSync(join(folder, "controller.json"), "utf8");
  expect(JSON.parse(controller)).toEqual({ format: 1, ...position });
  const digests = readFileSync(join(folder, "digests.json"), "utf8");
  expect(digest).toBe(sha256(digests));
  expect(JSON.parse(digests)).toEqual({
    sha256: {
      "controller.json": sha256(controller),
      "policy/model.safetensors": sha256("weights"),
      "state.json": sha256("{}"),
    },
  });
});

test("a model lies under model/ and has no part of the controller's", () => {
  const run = newRun();
  const told = write(run.prepare("sft-s0", "model", 0), { "config.json": "{}" });
  const { path } = run.complete("sft-s0", "model", 0, told);
  expect(path).toBe("trials/sft-s0/model");
  expect(readdirSync(join(run.directory, path)).sort()).toEqual(["config.json", "digests.json"]);
});

test("the digest file has one form of bytes, in whatever order the files were told", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1 })), fc.nat(), (names, turn) => {
      const entries = names.map((name) => [name, sha256(name)] as const);
      const at = names.length === 0 ? 0 : turn % names.length;
      const turned = [...entries.slice(at), ...entries.slice(0, at)].reverse();
      const text = digestsText(Object.fromEntries(entries));
      expect(digestsText(Object.fromEntries(turned))).toBe(text);
    }),
  );
});

test("a save at the same step takes the place of the one before", () => {
  const run = newRun();
  writeFileSync(join(saved(run).folder, "stray"), "");
  const { folder } = saved(run);
  expect(existsSync(join(folder, "stray"))).toBe(false);
  expect(readdirSync(dirname(folder))).toEqual(["step-000050"]);
});

test("what a try left behind is removed before the next, and when it is abandoned", () => {
  const run = newRun();
  writeFileSync(join(run.prepare(trial, "checkpoint", 50), "half"), "");
  const partial = run.prepare(trial, "checkpoint", 50);
  expect(readdirSync(partial)).toEqual([]);
  run.abandon(trial, "checkpoint", 50);
  expect(existsSync(partial)).toBe(false);
  run.abandon(trial, "checkpoint", 50);
});

test.each([
  ["absent", { absent: "c" }, /reports a file absent that is not in/],
  ["out of the folder", { "../../manifest.json": "c" }, /reports a file \.\.\/\.\.\/manifest/],
  ["absolute", { "/etc/passwd": "c" }, /reports a file \/etc\/passwd/],
  ["another way to write a name", { "./state.json": "c" }, /reports a file \.\/state\.json/],
])("a told file that is %s leaves the folder partial", (_, extra, message) => {
  const run = newRun();
  const told = write(run.prepare(trial, "checkpoint", 50), state);
  expect(() => run.complete(trial, "checkpoint", 50, { ...told, ...extra })).toThrow(message);
  expect(readdirSync(join(run.directory, checkpoints))).toEqual(["step-000050.partial"]);
});

test("a file that the worker does not tell of leaves the folder partial", () => {
  const run = newRun();
  const { "state.json": _, ...told } = write(run.prepare(trial, "checkpoint", 50), state);
  expect(() => run.complete(trial, "checkpoint", 50, told)).toThrow(
    /unexpected file .*state\.json: the worker does not report it/,
  );
});

test("the controller's own name, and links out of the folder, are refused", () => {
  const run = newRun();
  const own = write(run.prepare(trial, "checkpoint", 50), { "controller.json": "{}" });
  expect(() => run.complete(trial, "checkpoint", 50, own, position)).toThrow(/controller's own/);
  symlinkSync("/etc/passwd", join(run.prepare(trial, "checkpoint", 50), "passwd"));
  expect(() => run.complete(trial, "checkpoint", 50, { passwd: "c" })).toThrow(
    /is not a regular file/,
  );
});

test("an intact checkpoint is given with its absolute path", async () => {
  const run = newRun();
  const { path, digest, folder } = saved(run);
  expect(await run.intact(path, digest)).toBe(folder);
});

test("a model is given only where its files are those that were exported", async () => {
  const run = newRun();
  const files = write(run.prepare(trial, "model", 0), { "config.json": "{}" });
  const { path } = run.complete(trial, "model", 0, files);
  const folder = join(run.directory, path);
  expect(await run.intactModel(path, files)).toBe(folder);
  await expect(run.intactModel(path, { "config.json": sha256("[]") })).rejects.toThrow(/digests/);
  writeFileSync(join(folder, "config.json"), "[]");
  await expect(run.intactModel(path, files)).rejects.toThrow(/config\.json: its sha256 is/);
});

test.each<[string, (folder: string) => void, RegExp]>([
  [
    "changed",
    (folder) => writeFileSync(join(folder, "policy/model.safetensors"), "weightz"),
    /policy\/model\.safetensors: its sha256 is [0-9a-f]{64}; expected [0-9a-f]{64}: it has changed/,
  ],
  ["gone", (folder) => rmSync(join(folder, "state.json")), /state\.json: it is missing/],
  [
    "one too many",
    (folder) => writeFileSync(join(folder, "policy/extra"), ""),
    /policy\/extra: unexpected file: it has no recorded digest/,
  ],
  [
    "the controller's, changed",
    (folder) => writeFileSync(join(folder, "controller.json"), "{}"),
    /controller\.json: its sha256/,
  ],
  [
    "the digest file, changed to fit",
    (folder) => {
      writeFileSync(join(folder, "state.json"), "[]");
      const text = readFileSync(join(folder, "digests.json"), "utf8");
      writeFileSync(join(folder, "digests.json"), text.replace(sha256("{}"), sha256("[]")));
    },
    /digests\.json: its sha256/,
  ],
  ["the digest file, gone", (folder) => rmSync(join(folder, "digests.json")), /digests\.json/],
  ["all of them, gone", (folder) => rmSync(folder, { recursive: true }), /step-000050/],
])("a checkpoint with a file that is %s is refused with its name", async (_, harm, message) => {
  const run = newRun();
  const { path, digest, folder } = saved(run);
  harm(folder);
  await expect(run.intact(path, digest)).rejects.toThrow(message);
});

test("a removed checkpoint is gone, and only that one; once more does no harm", () => {
  const run = newRun();
  const { path } = saved(run, 50);
  saved(run, 100);
  run.remove(path);
  run.remove(path);
  expect(readdirSync(join(run.directory, checkpoints))).toEqual(["step-000100"]);
});

test.each([
  "../elsewhere",
  "manifest.json",
  "trials/x/../../y",
  "trials/../model",
  "/tmp",
  "trials/rlhf-s0",
  "trials/rlhf-s0/checkpoints/step-000050/policy",
])("nothing but checkpoints and models can be removed: %s", async (path) => {
  const run = newRun();
  expect(() => run.remove(path)).toThrow(/is not a checkpoint/);
  await expect(run.intact(path, "")).rejects.toThrow(/is not a checkpoint/);
});

test("a trial's name cannot lead out of the run", () => {
  const run = newRun();
  expect(() => run.prepare("../x", "model", 0)).toThrow(/trial "..\/x" cannot name a folder/);
});
