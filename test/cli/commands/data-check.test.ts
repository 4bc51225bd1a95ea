import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

function experiment(
  data: string,
  rows = "text,label\nthe film was fine,good\nbad film,bad\n",
): string {
  writeFileSync(join(scratch, "rows.csv"), rows);
  writeFileSync(join(scratch, "mine.yaml"), `name: mine\ndata: ${data}\n`);
  return "mine.yaml";
}

describe("averse data check", () => {
  test("tells rows, classes and lengths, and masks the samples", async () => {
    const { code, stdout } = await averse(["data", "check", experiment("rows.csv")]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/rows +prompts +good/);
    expect(stdout).toMatch(/^labels of train: (good|bad) 1$/m);
    expect(stdout).toContain("no test prompt is a training prompt");
    expect(stdout).toContain("samples, masked");
    expect(stdout).not.toContain("film");
  });

  test("prints samples and JSON on request", async () => {
    const args = ["data", "check", experiment("rows.csv"), "--json", "--show-text"];
    const { code, stdout } = await averse(args);
    expect(code).toBe(0);
    const facts = JSON.parse(stdout);
    expect(facts).toMatchObject({ problems: [], overlap: 0, rows: { train: { kept: 1 } } });
    expect(
      [...facts.samples.train, ...facts.samples.test].map(({ prompt }) => prompt).sort(),
    ).toEqual(["bad film", "the film was fine"]);
  });

  test("names file and line of a wrong row, and the key", async () => {
    const file = experiment("{path: rows.csv}", "text,label\nfine,good\n ,bad\n");
    const { code, stderr } = await averse(["data", "check", file]);
    expect(code).toBe(2);
    expect(stderr).toContain('rows.csv:3: "text" is');
    expect(stderr).toContain("(key: data.path)");
  });

  test("reads what a stage learns from, as `config validate` does", async () => {
    const file = experiment("builtin");
    const stage = "stages.taste={kind: reward_model, steps: 1, data: {path: rows.csv}}";
    const set = ["--set", stage, "--set", "reward={kind: preference, model: stage:taste}"];
    const own = [file, ...set, "--set", "evaluation.harm_threshold=null"];
    for (const command of [
      ["data", "check"],
      ["config", "validate"],
    ]) {
      const { code, stderr } = await averse([...command, ...own]);
      expect(code).toBe(2);
      expect(stderr).toContain('rows.csv:2: "chosen" is missing');
      expect(stderr).toContain("stages.taste.data.columns");
    }
  });
});
