/** manifest.json: what it learns as a run goes on, its own sha256, and its published schema. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { EventPayload, JournalEvent } from "../../../src/journal/events.js";
import {
  type Manifest,
  parsedManifest,
  readManifest,
  readManifestFile,
  recordedExperiment,
  startingManifest,
  writeManifest,
} from "../../../src/store/manifest/manifest.js";
import {
  completedManifest,
  manifestAfter,
  resumedManifest,
} from "../../../src/store/manifest/progress.js";
import { manifestSchema, manifestSchemaText } from "../../../src/store/manifest/schema.js";
import { manifestText } from "../../../src/store/manifest/text.js";
import { answerTo, evaluatedPayload } from "../../engine/event-payloads.js";
import { smallExperiment } from "../../engine/experiments.js";
import { provenance, temporaryFolder } from "../folders.js";

const started = new Date(Date.UTC(2026, 0, 1));
const start = (): Manifest => startingManifest(smallExperiment(), provenance(), started);

function event(trial: string | null, eventPayload: EventPayload): JournalEvent {
  return { seq: 1, time: "2026-01-02T00:00:00.000Z", trial, ...eventPayload };
}

function ready(trial: string, changes: object = {}): JournalEvent {
  const loaded = answerTo({ kind: "load", trial, device: null, from: null });
  const digests = {
    policy: { "model.safetensors": "p", "tokenizer.json": "t", "tokenizer_config.json": "c" },
    reference: { "model.safetensors": "p" },
    reward: { "model.safetensors": "r" },
    judge: { "model.safetensors": "j" },
    data: { "good-texts.jsonl": "d" },
    prompts: { train: "a".repeat(64), test: "b".repeat(64) },
  };
  return event(trial, { ...loaded, digests, ...changes } as EventPayload);
}

const finished = {
  type: "run_finished",
  outcome: "done",
  message: "",
  seconds: 1,
  seq: 9,
  time: "2026-01-02T00:00:00.000Z",
  trial: null,
} as const;

const whole = (): Manifest =>
  completedManifest(
    [
      ready("sft-s0", { versions: { python: "3.11.2", torch: "2.9.0", numpy: "2" } }),
      event("sft-s0", { type: "model_exported", path: "x", files: { m: "1" }, bytes: 1 }),
      event("sft-s0", evaluatedPayload({ final: true, metrics: { reward_mean: 0.5 } })),
    ].reduce(manifestAfter, start()),
    finished,
    { events: 9, checksum: "c" },
    "e".repeat(64),
  );

describe("a manifest at the start", () => {
  test("says all that is known before a worker has loaded", () => {
    expect(start()).toMatchObject({
      manifest: 5,
      started: "2026-01-01T00:00:00.000Z",
      finished: null,
      command: ["run", "small"],
      trust_remote_code: false,
      versions: { averse: "0.1.0", torch: null, cuda: null },
      determinism: { level: "statistical", given_up: [] },
      data: { source: "builtin", files: {}, prompts: { train: null, test: null } },
    });
    expect(Object.keys(start().risk)).toEqual(["rlhf", "ra-rlhf"]);
    expect(Object.keys(start().quantities)).toEqual(["sft", "rlhf", "ra-rlhf"]);
    expect(Object.keys(start().seed_streams)).toEqual(
      expect.arrayContaining(["load", "sft", "prompts", "rollout", "update", "evaluate"]),
    );
  });

  test("names a model whose own code may run", () => {
    const experiment = smallExperiment();
    const trusting = { ...experiment, policy: { ...experiment.policy, trust_remote_code: true } };
    expect(startingManifest(trusting, provenance(), started).trust_remote_code).toBe(true);
    const arm = experiment.arms.rlhf!;
    const rewarded = { ...arm, reward: { ...arm.reward, trust_remote_code: true } };
    const other = { ...experiment, arms: { ...experiment.arms, rlhf: rewarded } };
    expect(startingManifest(other, provenance(), started).trust_remote_code).toBe(true);
  });
});

describe("a worker that has loaded", () => {
  test("tells versions, device, models, tokenizer, data and what it can promise", () => {
    const manifest = manifestAfter(
      start(),
      ready("sft-s0", {
        versions: { node: "its own", torch: "2.9.0", "reward.model": "commit", numpy: "2.4" },
        model_settings: {
          "policy.model": { end_tokens: "0 '</s>'" },
          "reward.model": { class: "1 'good'" },
          "evaluation.judges.0.model": { class: "0 'fine'" },
        },
      }),
    );
    expect(manifest.versions).toMatchObject({ node: "20", torch: "2.9.0", numpy: "2.4" });
    expect(manifest.versions).not.toHaveProperty(["reward.model"]);
    expect(manifest.determinism.level).toBe("bitwise");
    expect(manifest.devices).toMatchObject([{ device: "cpu", threads: 1, trials: ["sft-s0"] }]);
    expect(manifest.data).toMatchObject({
      files: { "good-texts.jsonl": "d" },
      prompts: { train: "a".repeat(64), test: "b".repeat(64) },
    });
    expect(manifest.models.map(({ role, source, revision }) => [role, source, revision])).toEqual([
      ["policy", "builtin", null],
      ["tokenizer", "builtin", null],
      ["reference", "builtin", null],
      ["reward", "builtin", "commit"],
      ["judge", "builtin", null],
    ]);
    expect(manifest.models.map(({ settings }) => settings)).toEqual([
      { end_tokens: "0 '</s>'" },
      {},
      {},
      { class: "1 'good'" },
      { class: "0 'fine'" },
    ]);
    expect(manifest.models[1]!.files).toEqual({
      "tokenizer.json": "t",
      "tokenizer_config.json": "c",
    });
  });

  test("shares what is the same, and adds what is not", () => {
    const manifest = [
      ready("sft-s0"),
      ready("rlhf-s0"),
      ready("ra-rlhf-s0", {
        nondeterminism: ["cumsum on cuda"],
        lacks: ["critic"],
        device: "cuda:0",
      }),
    ].reduce(manifestAfter, start());
    expect(manifest.devices.map(({ lacks }) => lacks)).toEqual([[], ["critic"]]);
    expect(manifest.devices.map(({ device, trials }) => [device, trials])).toEqual([
      ["cpu", ["sft-s0", "rlhf-s0"]],
      ["cuda:0", ["ra-rlhf-s0"]],
    ]);
    expect(manifest.determinism).toMatchObject({
      level: "statistical",
      given_up: ["cumsum on cuda"],
    });
    const of = (wanted: string) => manifest.models.filter(({ role }) => role === wanted);
    expect(of("reward").map(({ trials }) => trials)).toEqual([["sft-s0", "rlhf-s0", "ra-rlhf-s0"]]);
    expect(of("policy").map(({ source, trials }) => [source, trials])).toEqual([
      ["builtin", ["sft-s0"]],
      ["trials/sft-s0/model", ["rlhf-s0", "ra-rlhf-s0"]],
    ]);
  });

  test("whose model has changed under way is seen", () => {
    const changed = ready("rlhf-s0");
    const digests = { reward: { "model.safetensors": "other" } };
    const manifest = [ready("sft-s0"), { ...changed, digests } as JournalEvent].reduce(
      manifestAfter,
      start(),
    );
    expect(
      manifest.models.filter(({ role }) => role === "reward").map(({ files }) => files),
    ).toEqual([{ "model.safetensors": "r" }, { "model.safetensors": "other" }]);
  });

  test("once more, after a resume, changes nothing", () => {
    const once = manifestAfter(start(), ready("sft-s0"));
    expect(manifestAfter(once, ready("sft-s0"))).toEqual(once);
  });
});

test("events that add nothing leave the very same manifest", () => {
  const before = start();
  const told = evaluatedPayload({ final: false });
  expect(manifestAfter(before, event("rlhf-s0", told))).toBe(before);
  expect(manifestAfter(before, event(null, { type: "warning", message: "" }))).toBe(before);
});

test("a run that is over has its results", () => {
  expect(whole()).toMatchObject({
    finished: "2026-01-02T00:00:00.000Z",
    outcome: "done",
    results: {
      journal: { events: 9, checksum: "c" },
      evaluation_sha256: "e".repeat(64),
      trials: { "sft-s0": { metrics: { reward_mean: 0.5 }, model: { m: "1" } } },
    },
  });
});

test("a run that is taken up says when, how, and what differs from its start", () => {
  const now = provenance({
    command: ["resume", "small"],
    versions: { averse: "0.2.0", node: "20" },
  });
  const manifest = resumedManifest(whole(), now, new Date(Date.UTC(2026, 0, 3)));
  expect(manifest).toMatchObject({
    finished: null,
    outcome: null,
    results: { journal: null, evaluation_sha256: null },
    resumed: [
      {
        time: "2026-01-03T00:00:00.000Z",
        command: ["resume", "small"],
        differences: [{ field: "versions.averse", was: "0.1.0", is: "0.2.0" }],
      },
    ],
  });
  expect(manifest.versions.averse).toBe("0.1.0");
});

describe("its own sha256", () => {
  const text = Buffer.from(manifestText(whole()));

  test("lets a manifest through as it was, from a folder or by its path", () => {
    const run = temporaryFolder();
    writeManifest(run, whole());
    expect(readManifest(run)).toEqual(whole());
    expect(readManifestFile(join(run, "manifest.json"))).toEqual(whole());
    expect(Object.keys(JSON.parse(text.toString())).at(-1)).toBe("sha256");
  });

  test("shows any byte that was changed, put in or taken out", () => {
    const change = fc.constantFrom("flip", "insert", "remove");
    const at = fc.nat({ max: text.length - 1 });
    fc.assert(
      fc.property(at, fc.integer({ min: 1, max: 255 }), change, (place, bits, how) => {
        const spoilt =
          how === "insert"
            ? Buffer.concat([text.subarray(0, place), Buffer.from([bits]), text.subarray(place)])
            : how === "remove"
              ? Buffer.concat([text.subarray(0, place), text.subarray(place + 1)])
              : Buffer.from(text.with(place, text[place]! ^ bits));
        fc.pre(!spoilt.equals(text));
        expect(() => parsedManifest(spoilt, "/runs/x/manifest.json")).toThrow(
          expect.objectContaining({
            reason: "damaged",
            message: expect.stringContaining("/runs/x/manifest.json"),
          }),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("does not take another layout of the same values", () => {
    const json = JSON.parse(text.toString());
    for (const other of [JSON.stringify(json), `${text} `, JSON.stringify(json, null, 4)]) {
      expect(() => parsedManifest(Buffer.from(other), "m")).toThrow(/was changed/);
    }
  });

  test("of another version says which, and what to do", () => {
    for (const [version, age] of [
      [1, "older"],
      [99, "newer"],
    ] as const) {
      const other = Buffer.from(JSON.stringify({ ...whole(), manifest: version }));
      expect(() => parsedManifest(other, "m")).toThrow(
        expect.objectContaining({
          reason: "version",
          message: expect.stringMatching(
            `version ${version}, written by an? ${age} Averse \\(0\\.1\\.0, commit abc\\); this one reads ` +
              "version 5: use the Averse that wrote it, or run the experiment again$",
          ),
        }),
      );
    }
  });

  test("with a key that is not known here is another version's where its seal holds, else damaged", () => {
    const other = manifestText({ ...whole(), telepathy: 1 });
    expect(() => parsedManifest(Buffer.from(other), "m")).toThrow(
      expect.objectContaining({ reason: "version", message: expect.stringContaining("telepathy") }),
    );
    const spoilt = Buffer.from(other.replace('"telepathy": 1', '"telepathy": 2'));
    expect(() => parsedManifest(spoilt, "m")).toThrow(
      expect.objectContaining({ reason: "damaged" }),
    );
  });

  test("whose configuration is not of this version names the key", () => {
    const config = { ...whole().config, telepathy: {} };
    expect(() => recordedExperiment({ ...whole(), config }, "/runs/x")).toThrow(
      expect.objectContaining({
        reason: "version",
        message: expect.stringMatching(/\/runs\/x\/manifest\.json .*`telepathy`: use the Averse/),
      }),
    );
    expect(recordedExperiment(whole(), "/runs/x")).toEqual(smallExperiment());
  });

  test("of a folder in its place is told as such", () => {
    const run = temporaryFolder();
    mkdirSync(join(run, "manifest.json"));
    expect(() => readManifest(run)).toThrow(/cannot read/);
  });
});

describe("configs/manifest.schema.json", () => {
  const published = z.fromJSONSchema(
    JSON.parse(readFileSync("configs/manifest.schema.json", "utf8")),
  );

  test("takes manifests of every stage", () => {
    for (const manifest of [start(), whole(), resumedManifest(whole(), provenance(), started)]) {
      expect(published.safeParse(JSON.parse(manifestText(manifest))).error).toBeUndefined();
    }
  });

  test("refuses what the reader refuses", () => {
    const good = JSON.parse(manifestText(whole()));
    for (const bad of [
      {},
      { ...good, manifest: 1 },
      { ...good, sha256: "x" },
      { ...good, more: 1 },
      { ...good, models: [{}] },
      { ...good, outcome: "perhaps" },
      { ...good, results: { ...good.results, trials: { a: {} } } },
    ]) {
      expect(manifestSchema.safeParse(bad).success).toBe(false);
      expect(published.safeParse(bad).success, JSON.stringify(bad).slice(0, 80)).toBe(false);
    }
  });

  test("says what every key of a manifest is for, or its name does", () => {
    const { properties } = JSON.parse(manifestSchemaText());
    const page = readFileSync("docs/manifest.md", "utf8");
    const missing = Object.keys(properties).filter((key) => !page.includes(`\`${key}\``));
    expect(missing).toEqual([]);
  });
});

test("no manifest is written over by half: what was there stays until the new one is whole", () => {
  const run = temporaryFolder();
  writeManifest(run, start());
  writeFileSync(join(run, "manifest.json.tmp"), "{");
  expect(readManifest(run)).toEqual(start());
});
