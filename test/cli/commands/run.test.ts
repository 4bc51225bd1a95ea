/** A whole run with the fake worker, and every command that reads it. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluationFileSchema } from "../../../src/analysis/evaluation.js";
import { journalEvent } from "../../../src/journal/events.js";
import { averse, buildProgramFirst, type Finished, scratch } from "../averse.js";

buildProgramFirst();

describe("one run", () => {
  let runs = "";
  let folder = "";
  let finished: Finished;

  beforeAll(async () => {
    runs = join(scratch, "runs");
    folder = join(runs, "mine");
    finished = await averse([
      "run",
      "smoke",
      "--json",
      "--run-dir",
      folder,
      "--set",
      "training.iterations=4",
    ]);
  });

  test("ends with 0", () => {
    expect(finished.stderr).toContain("run done in");
    expect(finished.code).toBe(0);
  });

  test("prints its journal as JSON lines, then the result", () => {
    const lines = finished.stdout.trimEnd().split("\n");
    const journal = readFileSync(join(folder, "journal.jsonl"), "utf8").trimEnd().split("\n");
    const events = journal.map((line) => {
      const { checksum, ...event } = JSON.parse(line);
      expect(checksum).toMatch(/^[0-9a-f]{32}$/);
      return journalEvent.parse(event);
    });
    expect(lines.slice(0, -1).map((line) => JSON.parse(line))).toEqual(events);
    const result = JSON.parse(lines.at(-1)!);
    expect(result).toMatchObject({ type: "result", outcome: "done", run: folder });
    expect(evaluationFileSchema.parse(result.evaluation)).toEqual(
      JSON.parse(readFileSync(join(folder, "evaluation.json"), "utf8")),
    );
  });

  test("leaves what the contract promises", () => {
    for (const name of [
      "manifest.json",
      "journal.jsonl",
      "evaluation.json",
      "report.html",
      "report.md",
    ]) {
      expect(existsSync(join(folder, name)), name).toBe(true);
    }
    expect(readdirSync(join(folder, "trials")).sort()).toEqual(["ra-rlhf-s0", "rlhf-s0", "sft-s0"]);
    expect(readdirSync(join(folder, "logs")).sort()).toEqual([
      "ra-rlhf-s0.log",
      "rlhf-s0.log",
      "sft-s0.log",
    ]);
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    expect(manifest.origins).toMatchObject({
      "training.iterations": "override",
      name: "file",
      "kl.beta": "default",
    });
    expect(manifest.config.training.iterations).toBe(4);
    expect(manifest.outcome).toBe("done");
  });

  test("is not overwritten", async () => {
    const before = readFileSync(join(folder, "journal.jsonl"), "utf8");
    const { code, stderr } = await averse(["run", "smoke", "--run-dir", folder]);
    expect(stderr).toBe(
      `the run folder ${folder} already exists: choose another with --run-dir, or remove it.\n`,
    );
    expect(code).toBe(2);
    expect(readFileSync(join(folder, "journal.jsonl"), "utf8")).toBe(before);
  });

  test("is listed", async () => {
    const json = await averse(["ls", "--runs", runs, "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { id: "mine", name: "smoke", state: "done", trials: 3, trialsDone: 3 },
    ]);
    const plain = await averse(["ls", "--runs", runs]);
    expect(plain.stdout).toMatch(/^run +state +started .*\nmine +done +\d{4}-/);
  });

  test("is shown, by its path, its name, the beginning of it, and as the latest", async () => {
    for (const name of [folder, "mine", "mi", "latest"]) {
      const { stdout, code } = await averse(["show", name, "--runs", runs]);
      expect(code).toBe(0);
      expect(stdout).toContain(folder);
      expect(stdout).toMatch(/ra-rlhf-s0 +done +4\/4/);
      expect(stdout).toContain("tail reward");
      expect(stdout).toContain("training.iterations");
      expect(stdout).not.toContain("▸");
    }
    const json = JSON.parse((await averse(["show", "mine", "--runs", runs, "--json"])).stdout);
    expect(json.trials.map((one: { state: string }) => one.state)).toEqual([
      "done",
      "done",
      "done",
    ]);
    expect(json.evaluation.arms).toHaveProperty("ra-rlhf");
  });

  test("shows its texts on request only", async () => {
    const { stdout } = await averse(["show", "mine", "--runs", runs, "--show-text"]);
    expect(stdout).toContain("ra-rlhf-s0: reward, prompt ▸ completion");
    const [, worst = ""] = stdout.split("ra-rlhf-s0, worst episodes of iteration 4: ");
    const [head, ...rows] = worst.trimEnd().split("\n");
    expect(head).toBe("return, prompt ▸ completion");
    expect(rows).toHaveLength(8);
    const returns = rows.map((row) => Number(row.trim().split(" ")[0]!.replace("−", "-")));
    expect(returns).toEqual(returns.toSorted((a, b) => a - b));
    for (const row of rows) expect(row).toMatch(/^ +[−\d.]+ {2}[a-z ]+ ▸ [a-z ]+$/);
  });

  test("has the texts of every step's worst episodes in files of their own", () => {
    for (const trial of ["rlhf-s0", "ra-rlhf-s0"]) {
      const texts = join(folder, "trials", trial, "texts");
      expect(readdirSync(texts).sort()).toEqual(
        [0, 1, 2, 3].map((step) => `step-00000${step}.jsonl`),
      );
    }
    expect(readFileSync(join(folder, "journal.jsonl"), "utf8")).not.toContain('"completion":');
  });

  test("has its arms compared, each with the first", async () => {
    const { stdout, code } = await averse(["compare", "mine", "rlhf", "ra-rlhf", "--runs", runs]);
    expect(code).toBe(0);
    const figures = stdout.split("\n").map((line) => line.trim().split(/ {2,}/));
    expect(figures[0]!.slice(0, 3)).toEqual(["arm", "mean reward", "tail reward"]);
    expect(figures.filter(([name]) => name === "rlhf")).toHaveLength(1);
    expect(stdout).toContain(
      "ra-rlhf − rlhf: no difference is shown, 1 seed in common; at least 3 are needed",
    );
    expect(stdout).not.toContain("paired by seed");
    const json = JSON.parse((await averse(["compare", "mine", "--runs", runs, "--json"])).stdout);
    expect(json.entries.map((entry: { arm: string }) => entry.arm)).toEqual([
      "sft",
      "rlhf",
      "ra-rlhf",
    ]);
    const wrong = await averse(["compare", "mine", "rlfh", "--runs", runs]);
    expect(wrong.stderr).toBe("neither a run nor an arm: rlfh. The arms are sft, rlhf, ra-rlhf.\n");
    expect(wrong.code).toBe(2);
  });

  test("is reported on again, with texts masked or as they are", async () => {
    const { stdout, code } = await averse(["report", "mine", "--runs", runs, "--json"]);
    expect(code).toBe(0);
    const { files } = JSON.parse(stdout);
    expect(files).toEqual([join(folder, "report.html"), join(folder, "report.md")]);
    const masked = readFileSync(join(folder, "report.md"), "utf8");
    await averse(["report", "mine", "--runs", runs, "--show-text"]);
    expect(readFileSync(join(folder, "report.md"), "utf8")).not.toBe(masked);
  });

  test("gives its models away, whole or not at all", async () => {
    const folders = mkdtempSync(join(scratch, "exports-"));
    const to = join(folders, "exported");
    const args = ["export", "mine", "--runs", runs, "--to", to];
    // A folder of the user's with the name that a half-made copy could have, and an empty one.
    mkdirSync(`${to}.partial`);
    writeFileSync(join(`${to}.partial`, "mine.txt"), "mine");
    mkdirSync(to);
    const good = await averse([...args, "--trial", "ra-rlhf-s0"]);
    expect(good.code).toBe(0);
    expect(readdirSync(to)).toContain("config.json");
    expect(readdirSync(to)).not.toContain("digests.json");
    const again = await averse([...args, "--trial", "ra-rlhf-s0"]);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("already exists and is not empty");
    const wrong = await averse([...args, "--trial", "ra-rlfh-s0"]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("Did you mean ra-rlhf-s0?");
    writeFileSync(join(folder, "trials", "sft-s0", "model", "config.json"), "{}");
    const damaged = await averse([
      "export",
      "mine",
      "--runs",
      runs,
      "--to",
      `${to}2`,
      "--trial",
      "sft-s0",
    ]);
    expect(damaged.code).toBe(3);
    expect(damaged.stderr).toContain("has changed since it was written");
    expect(readdirSync(folders).sort()).toEqual(["exported", "exported.partial"]);
    expect(readFileSync(join(`${to}.partial`, "mine.txt"), "utf8")).toBe("mine");
  });
});

describe("plain output", () => {
  test("is at most a line a step, then the table, the conclusion and where all lies", async () => {
    const runs = join(scratch, "plain");
    const args = [
      "run",
      "smoke",
      "--runs",
      runs,
      "--set",
      "arms=sft,rlhf",
      "--set",
      "evaluation.every=0",
    ];
    const { code, stdout, stderr } = await averse(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/rlhf-s0 {2}iteration \d+\/6 /g)).toHaveLength(6);
    expect(stdout).toMatch(/\nsft +−?[\d.]+ .*\nrlhf +−?[\d.]+ /);
    const [run] = readdirSync(runs);
    expect(stdout).toContain(
      `run     ${join(runs, run!)}\nreport  ${join(runs, run!, "report.html")}`,
    );
    expect(run).toMatch(/^smoke-[0-9a-f]{8}$/);
  });
});
