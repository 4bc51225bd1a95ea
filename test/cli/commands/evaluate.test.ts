/** Models evaluated without training, with the fake worker: a run with one arm per model. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluationFileSchema } from "../../../src/analysis/evaluation.js";
import { runCommandLine } from "../../../src/cli/program.js";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

const few = ["--set", "evaluation.prompts=100"];
const trained = () => join(scratch, "trained");
const trial = (name: string) => join(trained(), "trials", name);
const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

async function refused(args: readonly string[]): Promise<string> {
  let err = "";
  const terminal = { isTty: false, hasScreen: false, columns: 100, color: false, unicode: true };
  const code = await runCommandLine(args, {
    ...terminal,
    out: () => {},
    err: (line) => (err += line),
  });
  expect(code).toBe(2);
  return err;
}

beforeAll(async () => {
  const quick = ["--set", "training.iterations=4", "--plain"];
  const { code, stderr } = await averse(["run", "smoke", "--run-dir", trained(), ...quick]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
});

describe("averse evaluate", () => {
  test("one model is the arm base of a run like any other", async () => {
    const folder = join(scratch, "one");
    const args = ["evaluate", trial("ra-rlhf-s0"), "--with", "smoke", "--run-dir", folder];
    const { code, stdout } = await averse([...args, ...few, "--seed", "7", "--json"]);
    expect(code).toBe(0);
    const result = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
    const evaluation = evaluationFileSchema.parse(read(folder, "evaluation.json"));
    expect(result).toMatchObject({ type: "result", outcome: "done", run: folder, evaluation });
    expect(Object.keys(evaluation.arms)).toEqual(["base"]);
    expect(evaluation.arms.base!.seeds).toEqual([7]);
    const { config, origins } = read(folder, "manifest.json");
    expect(config.name).toBe("smoke-evaluation");
    expect(config.policy.model).toBe(join(trial("ra-rlhf-s0"), "model"));
    expect(origins["evaluation.prompts"]).toBe("override");
    expect(existsSync(join(folder, "report.html"))).toBe(true);
    expect(existsSync(join(folder, "trials", "base-s0", "model"))).toBe(false);
    expect((await averse(["verify", folder])).code).toBe(0);
  });

  test("a trained policy has the figures that its own run found", async () => {
    const folder = join(scratch, "again");
    const prompts = [
      "--set",
      `evaluation.prompts=${read(trained(), "manifest.json").config.evaluation.prompts}`,
    ];
    await averse([
      "evaluate",
      trial("rlhf-s0"),
      "--with",
      "smoke",
      "--run-dir",
      folder,
      ...prompts,
    ]);
    const own = read(trained(), "evaluation.json").arms.rlhf.metrics;
    const found = read(folder, "evaluation.json").arms.base.metrics;
    expect(found.reward_mean.per_seed).toEqual(own.reward_mean.per_seed);
    expect(found.dist_2.per_seed).toEqual(own.dist_2.per_seed);
  });

  test("several models are arms by their names, on the same prompts", async () => {
    const folder = join(scratch, "several");
    const models = [
      "builtin",
      trial("ra-rlhf-s0"),
      join(trial("ra-rlhf-s0"), "model"),
      trial("sft-s0"),
    ];
    const { code, stderr } = await averse([
      ...["evaluate", ...models, "--with", "smoke", "--run-dir", folder, "--plain", ...few],
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const { arms } = evaluationFileSchema.parse(read(folder, "evaluation.json"));
    expect(Object.keys(arms)).toEqual(["builtin", "ra-rlhf-s0", "ra-rlhf-s0-2", "sft-s0"]);
    const reward = (arm: string) => arms[arm]!.metrics.reward_mean!.mean;
    expect(reward("ra-rlhf-s0")).toBe(reward("ra-rlhf-s0-2"));
    expect(reward("ra-rlhf-s0")).toBeGreaterThan(reward("builtin"));
    expect((await averse(["show", folder])).stdout).toContain("ra-rlhf-s0-2");
    expect((await averse(["compare", folder])).code).toBe(0);
  });

  test("what cannot be evaluated is told with what to do", async () => {
    expect(await refused(["evaluate", trained(), "--with", "smoke"])).toContain(
      "is a run, not a model: name the model of a trial",
    );
    const gone = await refused(["evaluate", "./gone", "--with", "smoke"]);
    expect(gone).toContain('policy.model: found "./gone"');
    expect(await refused(["evaluate", "builtin", "--with", "smoek"])).toContain("smoke");
    for (const [set, words] of [
      ["arms=[sft]", "the models are the arms"],
      ["arms.base.rollout.top_k=3", "the models are the arms"],
      ["policy.model=builtin", "give the model as an argument"],
      ["seeds=[1]", "use --seed"],
    ] as const) {
      const text = await refused(["evaluate", "builtin", "--with", "smoke", "--set", set]);
      expect(text).toContain(words);
    }
    expect(await refused(["evaluate", "builtin", "--with", "smoke", "--seed", "-1"])).toContain(
      "whole number",
    );
    for (const args of [
      ["a", "b"],
      ["a", "--seed", "1"],
      ["a", "--set", "x=1"],
    ]) {
      expect(await refused(["evaluate", ...args])).toContain("needs --with EXPERIMENT");
    }
  });
});
