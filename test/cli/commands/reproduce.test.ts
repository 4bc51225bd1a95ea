/** A run with the fake worker, run again; and what is said where the second one is another. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { verdictText } from "../../../src/cli/commands/reproduce.js";
import { runCommandLine } from "../../../src/cli/program.js";
import { judge, originalRun } from "../../../src/cli/run/original-run.js";
import type { JournalEvent } from "../../../src/journal/events.js";
import { checksummedLine, noChecksum } from "../../../src/journal/line.js";
import { readJournal } from "../../../src/journal/reader.js";
import {
  type Manifest,
  readManifest,
  writeManifest,
} from "../../../src/store/manifest/manifest.js";

const scratch = mkdtempSync(join(tmpdir(), "averse-reproduce-"));
const runs = join(scratch, "runs");
const first = join(runs, "first");

/** The whole program in this process. */
async function averse(...args: string[]) {
  const text = { out: "", err: "" };
  const code = await runCommandLine(args, {
    out: (line) => (text.out += `${line}\n`),
    err: (line) => (text.err += `${line}\n`),
    isTty: false,
    hasScreen: false,
    columns: 100,
    color: false,
    unicode: true,
  });
  return { code, ...text };
}

beforeAll(async () => {
  vi.stubEnv("HF_TOKEN", "hf_plantedsecretplantedsecret");
  vi.stubEnv("OMP_NUM_THREADS", "1");
  const keys = ["training.iterations=3", "arms=sft,ra-rlhf", "data.path=builtin"];
  const set = keys.flatMap((key) => ["--set", key]);
  const { code, err } = await averse("run", "smoke", "--plain", "--run-dir", first, ...set);
  expect({ code, err }).toEqual({ code: 0, err: "" });
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true, force: true });
});

/** A copy of the first run in which the journal's events, or the manifest, were others. */
async function otherRun(
  name: string,
  change: { event?: (event: JournalEvent) => JournalEvent; manifest?: (one: Manifest) => Manifest },
): Promise<string> {
  const folder = join(runs, name);
  cpSync(first, folder, { recursive: true });
  let last = noChecksum;
  const lines: Buffer[] = [];
  for await (const event of readJournal(first)) {
    const line = checksummedLine(JSON.stringify(change.event?.(event) ?? event), last);
    last = line.checksum;
    lines.push(line.bytes);
  }
  writeFileSync(join(folder, "journal.jsonl"), Buffer.concat(lines));
  const manifest = readManifest(folder);
  const journal = { events: lines.length, checksum: last };
  const complete = { ...manifest, results: { ...manifest.results, journal } };
  writeManifest(folder, change.manifest?.(complete) ?? complete);
  return folder;
}

describe("a run's manifest", () => {
  test("is valid by the published schema, and full", () => {
    const schema = JSON.parse(readFileSync("configs/manifest.schema.json", "utf8"));
    const json = JSON.parse(readFileSync(join(first, "manifest.json"), "utf8"));
    expect(z.fromJSONSchema(schema).safeParse(json).error).toBeUndefined();
    expect(json).toMatchObject({
      outcome: "done",
      command: expect.arrayContaining(["run", "smoke", "arms=sft,ra-rlhf"]),
      environment: { OMP_NUM_THREADS: "1" },
      determinism: { level: "bitwise" },
      versions: { node: process.versions.node, python: expect.any(String), torch: null },
      lock_files: { "package-lock.json": expect.stringMatching(/^[0-9a-f]{64}$/) },
      data: { prompts: { train: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      results: {
        evaluation_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        journal: { checksum: expect.any(String) },
      },
    });
    expect(Object.keys(json.results.trials).sort()).toEqual(["ra-rlhf-s0", "sft-s0"]);
    for (const { metrics, model } of Object.values<{ metrics: object; model: object }>(
      json.results.trials,
    )) {
      expect(metrics).toHaveProperty("reward_mean");
      expect(Object.keys(model)).toContain("config.json");
    }
    expect(json.models.map(({ role }: { role: string }) => role)).toContain("reward");
  });

  test("holds no secret of the environment", () => {
    for (const file of ["manifest.json", "journal.jsonl", "report.html"]) {
      expect(readFileSync(join(first, file), "utf8")).not.toContain("plantedsecret");
    }
  });

  test("leads to the report's command lines", () => {
    const report = readFileSync(join(first, "report.md"), "utf8");
    expect(report).toContain("averse run smoke --plain --run-dir");
    expect(report).toContain(`averse reproduce ${first}`);
  });
});

describe("reproduce", () => {
  test("runs it again, bit by bit", async () => {
    const again = join(runs, "again");
    const { code, out, err } = await averse("reproduce", first, "--json", "--run-dir", again);
    expect(code).toBe(0);
    const last = JSON.parse(out.trimEnd().split("\n").at(-1)!);
    expect(last).toEqual({
      type: "reproduce",
      verdict: "bitwise",
      first_difference: null,
      environment: expect.any(Array),
      test: null,
      run: again,
    });
    expect(err).toMatch(/^Environment/);
    const manifest = readManifest(again);
    expect(manifest.command).toEqual(["reproduce", first, "--json", "--run-dir", again]);
    expect(manifest.config_hash).toBe(readManifest(first).config_hash);
  });

  test("from the manifest alone, telling first what is another machine", async () => {
    const alone = join(scratch, "alone", "manifest.json");
    mkdirSync(dirname(alone));
    const manifest = readManifest(first);
    const hardware = { ...manifest.hardware, cpu: "another processor" };
    writeManifest(dirname(alone), { ...manifest, hardware });
    const { code, out } = await averse("reproduce", alone, "--plain", "--runs", runs);
    expect(code).toBe(0);
    expect(out).toMatch(/^Environment, then → now:[\s\S]*hardware\.cpu +another processor +→/);
    expect(out.indexOf("hardware.cpu")).toBeLessThan(out.indexOf("iteration 1/"));
    expect(out).toContain(`bitwise: all figures and models are those of ${alone}.`);
  });

  test("ends with 4 where it came out otherwise", async () => {
    const folder = await otherRun("better", {
      event: (event) =>
        event.type === "evaluated" && event.final && event.trial === "ra-rlhf-s0"
          ? {
              ...event,
              arrays: { ...event.arrays, reward: event.arrays.reward.map((r) => r! + 9) },
            }
          : event,
    });
    const { code, out } = await averse("reproduce", folder, "--plain", "--runs", runs);
    expect(code).toBe(4);
    expect(out).toMatch(/\ndiverged at the final evaluation of ra-rlhf-s0: arrays\.reward\.0 was /);
    expect(out).toMatch(/ra-rlhf-s0 +40 +-9\.00 +\[-9\.00, -9\.00\] +0\.0 +differs/);
  });
});

describe("the verdict", () => {
  test("names step and figure, and is statistical where rewards are the same", async () => {
    const folder = await otherRun("noisy", {
      event: (event) =>
        event.type === "step" && event.step >= 1 ? { ...event, loss_value: 123 } : event,
    });
    const found = await judge(await originalRun(folder, runs), first);
    expect(found).toMatchObject({
      verdict: "statistically-equal",
      first_difference: { trial: "ra-rlhf-s0", step: 1, field: "loss_value", was: 123 },
    });
    expect(verdictText(found, folder)).toMatch(
      /^statistically equal: first different at iteration 2 of ra-rlhf-s0 \(loss_value was 123, is /,
    );
  });

  test("on a manifest alone names the metric", async () => {
    const folder = await otherRun("metric", {
      manifest: (one) => {
        const { trials } = one.results;
        const own = { ...trials["ra-rlhf-s0"]!, metrics: { reward_mean: 77 } };
        return { ...one, results: { ...one.results, trials: { ...trials, "ra-rlhf-s0": own } } };
      },
    });
    rmSync(join(folder, "journal.jsonl"));
    const found = await judge(await originalRun(join(folder, "manifest.json"), runs), first);
    expect(found).toMatchObject({ verdict: "diverged", test: null });
    expect(verdictText(found, folder)).toMatch(
      /^diverged at the final evaluation of ra-rlhf-s0 \(manifest\): reward_mean was 77, is /,
    );
  });
});

describe("refused is", () => {
  test("a run without results", async () => {
    const folder = await otherRun("failed", { manifest: (one) => ({ ...one, outcome: "failed" }) });
    const { code, out, err } = await averse("reproduce", folder);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(
      /has no results to compare with: the run was failed\. Continue it with `averse resume`/,
    );
  });

  test("a configuration of another version, with the key", async () => {
    const folder = await otherRun("newer", {
      manifest: (one) => ({ ...one, config: { ...one.config, telepathy: true } }),
    });
    const { code, err } = await averse("reproduce", folder);
    expect(code).toBe(2);
    expect(err).toMatch(
      /this version of Averse cannot read the configuration in .* \(.*telepathy.*\)\. Use the version that wrote/,
    );
  });

  test("a configuration that is not the one that was hashed", async () => {
    const folder = await otherRun("changed", {
      manifest: (one) => ({ ...one, config: { ...one.config, purpose: "another" } }),
    });
    const { code, err } = await averse("reproduce", folder);
    expect(code).toBe(2);
    expect(err).toContain("config_hash");
  });

  test("a journal that is not the manifest's", async () => {
    const folder = await otherRun("swapped", {
      manifest: (one) => ({
        ...one,
        results: { ...one.results, journal: { events: 1, checksum: "another" } },
      }),
    });
    await expect(originalRun(folder, runs).then((run) => judge(run, first))).rejects.toThrow(
      /journal\.jsonl does not match manifest\.json/,
    );
  });

  test("a manifest with a changed byte", async () => {
    const folder = await otherRun("flipped", {});
    const path = join(folder, "manifest.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"seeds"', '"sneds"'));
    const { code, err } = await averse("reproduce", path);
    expect(code).toBe(4);
    expect(err).toContain("manifest.json was changed since it was written");
  });

  test.each<[string, (folder: string) => void, RegExp]>([
    [
      "a changed line of the journal",
      (folder) => {
        const path = join(folder, "journal.jsonl");
        writeFileSync(path, readFileSync(path, "utf8").replace('"time":"20', '"time":"21'));
      },
      /journal\.jsonl, line 1: its checksum is /,
    ],
    [
      "a last line that is gone",
      (folder) => {
        const path = join(folder, "journal.jsonl");
        const lines = readFileSync(path, "utf8").trimEnd().split("\n").slice(0, -1);
        writeFileSync(path, `${lines.join("\n")}\n`);
      },
      /journal\.jsonl does not match manifest\.json/,
    ],
    [
      "another evaluation",
      (folder) => writeFileSync(join(folder, "evaluation.json"), "{}"),
      /evaluation\.json has sha256 [0-9a-f]{64}; manifest\.json records [0-9a-f]{64}/,
    ],
    [
      "no evaluation",
      (folder) => rmSync(join(folder, "evaluation.json")),
      /evaluation\.json is missing; manifest\.json records [0-9a-f]{64}/,
    ],
  ])("a record with %s, before anything is run", async (what, harm, message) => {
    const folder = join(runs, what.replaceAll(" ", "-"));
    cpSync(first, folder, { recursive: true });
    harm(folder);
    const again = join(scratch, `after-${what.replaceAll(" ", "-")}`);
    const { code, out, err } = await averse("reproduce", folder, "--run-dir", again);
    expect({ code, out }).toEqual({ code: 4, out: "" });
    expect(err).toMatch(message);
    expect(existsSync(again)).toBe(false);
  });
});
