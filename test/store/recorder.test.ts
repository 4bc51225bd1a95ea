import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Evaluation } from "../../src/analysis/evaluation.js";
import { readEpisodesFile } from "../../src/journal/episodes-file.js";
import type { Episodes, EventPayload } from "../../src/journal/events.js";
import { readJournal } from "../../src/journal/reader.js";
import { readEvaluation, readEvaluationIfAny } from "../../src/store/evaluation-file.js";
import { readManifest } from "../../src/store/manifest/manifest.js";
import { readTexts } from "../../src/store/texts-file.js";
import { noConclusion } from "../analysis/no-conclusion.js";
import { answerTo, stepPayload } from "../engine/event-payloads.js";
import { smallExperiment } from "../engine/experiments.js";
import { giveAway, withoutPrivileges } from "../unprivileged.js";
import { lastChecksum, newRun, temporaryFolder, tickingClock } from "./folders.js";

describe("a new run", () => {
  test("has a folder, a manifest, an empty journal and a place for logs", () => {
    const runsFolder = temporaryFolder();
    const { directory } = newRun({ runsFolder });
    expect(directory).toMatch(/\/small-[0-9a-f]{8}$/);
    expect(readdirSync(directory).sort()).toEqual([
      "journal.jsonl",
      "lock",
      "logs",
      "manifest.json",
    ]);
  });

  test("may be of an experiment that was run before", () => {
    const runsFolder = temporaryFolder();
    const now = tickingClock();
    expect(newRun({ runsFolder, now }).directory).not.toBe(newRun({ runsFolder, now }).directory);
  });

  test("makes the runs folder where it is missing", () => {
    const runsFolder = join(temporaryFolder(), "deep", "runs");
    expect(existsSync(newRun({ runsFolder }).directory)).toBe(true);
  });

  test("takes a folder of the user's choice, and refuses one that exists", () => {
    const runDir = join(temporaryFolder(), "Mine");
    expect(newRun({ runDir }).directory).toBe(runDir);
    expect(() => newRun({ runDir })).toThrow(
      expect.objectContaining({
        reason: "exists",
        message: `the run folder ${runDir} already exists: choose another with --run-dir, or remove it`,
      }),
    );
  });

  test("says so when it may not write", () => {
    const runsFolder = temporaryFolder();
    chmodSync(runsFolder, 0o500);
    giveAway(runsFolder);
    expect(() => withoutPrivileges(() => newRun({ runsFolder }))).toThrow(
      expect.objectContaining({ reason: "permission", message: expect.stringMatching(/^cannot/) }),
    );
  });

  test("says so when a part of the path is a file", () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    expect(() => newRun({ runDir: join(file, "run") })).toThrow(/^cannot make the folder/);
  });

  test.each(["../out", "a/b", "", ".hidden", "Ä", "a".repeat(81)])("cannot be named %j", (name) => {
    const experiment = { ...smallExperiment(), name };
    expect(() => newRun({ experiment })).toThrow(expect.objectContaining({ reason: "name" }));
  });
});

describe("events", () => {
  test("come back as they were appended, numbered and timed", async () => {
    const run = newRun();
    const written = [
      run.append(null, { type: "run_started", name: "small", trials: ["sft-s0"], parallel: 1 }),
      run.append("sft-s0", answerTo({ kind: "sft", trial: "sft-s0" })),
      run.append("rlhf-s0", stepPayload({ step: 3, beta: 0.1 + 0.2 })),
    ];
    const read = [];
    for await (const event of readJournal(run.directory)) {
      read.push(event);
    }
    expect(read).toEqual(written);
    expect(read.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(read[0]!.time).toMatch(/^2026-01-01T00:00:0\d\.000Z$/);
  });

  test("of very large batches keep their arrays in a file that the event names", async () => {
    const run = newRun();
    const count = 4097;
    const of = <T>(value: (i: number) => T): T[] =>
      Array.from({ length: count }, (_, i) => value(i));
    const episodes = {
      prompt: of((i) => i * 7),
      reward: of((i) => (i === 5 ? null : Number(Math.fround(i / 3).toPrecision(9)))),
      kl: of(() => 0.5),
      return: of((i) => 1 - i),
      length: of((i) => i % 48),
      weight: of((i) => i % 2),
    };
    const event = run.append("rlhf-s0", stepPayload({ step: 12, batch: count, episodes }));
    expect(event.type === "step" && event.episodes).toEqual({
      file: "trials/rlhf-s0/episodes/step-000012.bin",
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      count,
    });
    const named = (event as { episodes: { file: string; sha256: string } }).episodes;
    const path = join(run.directory, named.file);
    expect(readEpisodesFile(path, named.sha256)).toEqual(episodes);
    const bytes = readFileSync(path);
    bytes[500]! ^= 1;
    writeFileSync(path, bytes);
    expect(() => readEpisodesFile(path, named.sha256)).toThrow(/has changed since it was written/);
    expect(() => readEpisodesFile(`${path}x`, named.sha256)).toThrow(/no such file/);
  });

  test("of a step that is done again leave the file of the first time as it was", () => {
    const run = newRun();
    const column = (value: number) => Array.from({ length: 4097 }, () => value);
    const files = [1, 2].map((value) => {
      const [prompt, reward, kl, length, weight] = [value, value, value, value, 1].map(column);
      const episodes = { prompt, reward, kl, return: kl, length, weight } as Episodes;
      const event = run.append("rlhf-s0", stepPayload({ step: 3, batch: 4097, episodes }));
      return (event as { episodes: { file: string; sha256: string } }).episodes;
    });
    expect(files.map(({ file }) => file)).toEqual([
      "trials/rlhf-s0/episodes/step-000003.bin",
      "trials/rlhf-s0/episodes/step-000003-2.bin",
    ]);
    for (const { file, sha256 } of files) {
      expect(readEpisodesFile(join(run.directory, file), sha256).prompt.length).toBe(4097);
    }
  });

  test("up to 4,096 episodes stay in the journal", () => {
    const event = newRun().append("rlhf-s0", stepPayload({ batch: 4096 }));
    expect(event).toHaveProperty("episodes.prompt");
  });
});

describe("the manifest", () => {
  test("is whole from the start, and completed by the first worker and the end", () => {
    const run = newRun();
    const { directory } = run;
    const start = readManifest(directory);
    expect(start).toMatchObject({
      manifest: 5,
      name: "small",
      seeds: [0],
      origins: { "training.batch": "file" },
      git: { commit: "abc", diff_sha256: null },
      versions: { averse: "0.1.0", node: "20" },
      started: "2026-01-01T00:00:01.000Z",
      finished: null,
      outcome: null,
      models: [],
      results: { journal: null, evaluation_sha256: null },
    });
    expect(start.config).toEqual(JSON.parse(JSON.stringify(smallExperiment())));
    expect(start.config_hash).toMatch(/^[0-9a-f]{64}$/);

    const loaded = answerTo({ kind: "load", trial: "sft-s0", device: null, from: null });
    const versions = { torch: "2.9", node: "not this one" };
    run.append("sft-s0", { ...loaded, versions } as EventPayload);
    expect(readManifest(directory)).toMatchObject({
      versions: { averse: "0.1.0", node: "20", torch: "2.9" },
      devices: [{ device: "cpu", trials: ["sft-s0"] }],
    });
    run.append(null, { type: "run_finished", outcome: "failed", message: "why", seconds: 1 });
    expect(readManifest(directory)).toMatchObject({
      outcome: "failed",
      message: "why",
      finished: expect.stringMatching(/^2026-01-01T00:00:/),
      results: {
        journal: { events: 2, checksum: lastChecksum(directory) },
        evaluation_sha256: null,
      },
    });
    expect(run.manifest).toEqual(readManifest(directory));
  });

  test("has the same config hash whatever order the keys came in", () => {
    const experiment = smallExperiment();
    const turned = Object.fromEntries(Object.entries(experiment).reverse()) as typeof experiment;
    const other = smallExperiment({ training: { batch: 32 } });
    const hash = (of: typeof experiment) => newRun({ experiment: of }).manifest.config_hash;
    expect(hash(turned)).toBe(hash(experiment));
    expect(hash(other)).not.toBe(hash(experiment));
  });

  test("damaged ones are refused with the place", () => {
    const { directory } = newRun();
    const path = join(directory, "manifest.json");
    const whole = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...whole, seeds: ["x"] }));
    expect(() => readManifest(directory)).toThrow(
      /manifest\.json is not a manifest: key `seeds\.0`: /,
    );
    writeFileSync(path, "{");
    expect(() => readManifest(directory)).toThrow(/manifest\.json is not JSON/);
    expect(() => readManifest(temporaryFolder())).toThrow(
      expect.objectContaining({ reason: "missing" }),
    );
  });
});

test("stacks of a hung worker are kept, each in a file of its own", () => {
  const run = newRun();
  const files = ["first", "second"].map((text) => run.writeStacks("rlhf-s0", text));
  expect(files).toEqual(["logs/rlhf-s0-stacks-1.txt", "logs/rlhf-s0-stacks-2.txt"]);
  expect(files.map((file) => readFileSync(join(run.directory, file), "utf8"))).toEqual([
    "first",
    "second",
  ]);
  expect(() => run.writeStacks("../x", "")).toThrow(/cannot name a folder/);
});

test("samples are one JSON text a line", () => {
  const run = newRun();
  const samples = [{ text: "a\nb" }, { text: "c" }];
  const file = run.writeSamples("rlhf-s0", 6, samples);
  expect(file).toBe("trials/rlhf-s0/samples/step-000006.jsonl");
  const lines = readFileSync(join(run.directory, file), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(samples);
});

describe("texts of a step's worst episodes", () => {
  const texts = [
    { episode: 7, prompt: "a\nb", completion: "\u001b[2J\ud800 \u2028 😀" },
    { episode: 0, prompt: "", completion: "c" },
  ];
  const file = "trials/rlhf-s0/texts/step-000012.jsonl";

  test("are one JSON text a line, and come back in their order", () => {
    const run = newRun();
    run.writeTexts("rlhf-s0", 12, texts);
    const lines = readFileSync(join(run.directory, file), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(texts);
    expect(readTexts(run.directory, "rlhf-s0", 12)).toEqual(texts);
    expect(readTexts(run.directory, "rlhf-s0", 13)).toEqual([]);
    expect(readTexts(run.directory, "../rlhf-s0", 12)).toEqual([]);
    expect(() => run.writeTexts("../x", 0, texts)).toThrow(/cannot name a folder/);
  });

  test("of a step that is done again take the place of the former ones", () => {
    const run = newRun();
    run.writeTexts("rlhf-s0", 12, texts);
    run.writeTexts("rlhf-s0", 12, texts.slice(1));
    expect(readTexts(run.directory, "rlhf-s0", 12)).toEqual(texts.slice(1));
    expect(readdirSync(join(run.directory, "trials/rlhf-s0/texts"))).toEqual(["step-000012.jsonl"]);
  });

  test("are none where the file is not what was written, wherever it is cut", () => {
    const run = newRun();
    run.writeTexts("rlhf-s0", 12, texts);
    const path = join(run.directory, file);
    const whole = readFileSync(path);
    const first = whole.indexOf("\n") + 1;
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const expected = length === first ? texts.slice(0, 1) : [];
      expect(readTexts(run.directory, "rlhf-s0", 12)).toEqual(expected);
    }
    writeFileSync(path, `${whole}{"episode":1,"prompt":"x","completion":2}\n`);
    expect(readTexts(run.directory, "rlhf-s0", 12)).toEqual([]);
  });
});

describe("evaluation.json", () => {
  const evaluation: Evaluation = {
    arms: {
      sft: {
        seeds: [0],
        metrics: { tail_reward: { mean: -1, sd: null, ci95: null, per_seed: [-1] } },
        certificates: null,
      },
    },
    frontier: {},
    comparisons: [],
    conclusion: noConclusion,
  };

  test("comes back as it was written, and leaves no neighbour", () => {
    const run = newRun();
    run.writeEvaluation(evaluation);
    expect(readEvaluation(run.directory)).toEqual(evaluation);
    expect(readEvaluationIfAny(run.directory)).toEqual(evaluation);
    expect(readdirSync(run.directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("takes no NaN, which JSON would turn into nothing", () => {
    const run = newRun();
    const metric = { mean: Number.NaN, sd: null, ci95: null, per_seed: [] };
    const arms = { sft: { seeds: [0], metrics: { x: metric }, certificates: null } };
    const bad = { ...evaluation, arms };
    expect(() => run.writeEvaluation(bad)).toThrow();
    expect(existsSync(join(run.directory, "evaluation.json"))).toBe(false);
  });

  test("missing or damaged ones are told apart", () => {
    const { directory } = newRun();
    expect(() => readEvaluation(directory)).toThrow(expect.objectContaining({ reason: "missing" }));
    expect(readEvaluationIfAny(directory)).toBeNull();
    writeFileSync(join(directory, "evaluation.json"), '{"arms":{}}');
    expect(() => readEvaluation(directory)).toThrow(/not an evaluation: key `frontier`/);
    expect(() => readEvaluationIfAny(directory)).toThrow(/not an evaluation: key `frontier`/);
  });
});

test("a journal that exists is never written over", () => {
  const runDir = join(temporaryFolder(), "run");
  mkdirSync(runDir);
  writeFileSync(join(runDir, "journal.jsonl"), "mine");
  expect(() => newRun({ runDir })).toThrow(/exists/);
  expect(readFileSync(join(runDir, "journal.jsonl"), "utf8")).toBe("mine");
});
