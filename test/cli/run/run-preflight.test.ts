/** What is refused before a run folder exists, by `run` and by `config validate` alike. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { gpt2, modelFolder, toxicBert } from "../../preflight/model-folders.js";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

/** An experiment beside the models that it names. */
function experiment(name: string, reward: string): string {
  const folder = join(scratch, name);
  modelFolder(join(folder, "lm"), gpt2);
  modelFolder(join(folder, "rm"), toxicBert);
  const file = join(folder, "mine.yaml");
  const rest = "evaluation: {harm_threshold: 0}\nrisk: {warmup: 1}\nrollout: {prompt_tokens: 16}\n";
  writeFileSync(file, `name: mine\npolicy: {model: lm}\nreward: ${reward}\n${rest}`);
  return file;
}

test("a run is refused without a folder and without Python, in the words of validate", async () => {
  const file = experiment("wrong-label", "{model: rm, label: toxci}");
  const env = { AVERSE_PYTHON: "/nowhere/python3" };
  const runs = join(scratch, "no-runs");
  const ran = await averse(["run", file, "--runs", runs], { env });
  expect(ran).toMatchObject({ code: 2, stdout: "" });
  expect(ran.stderr).toMatch(/mine\.yaml:3:28: reward\.label: .*Did you mean toxic\?\n$/);
  expect(existsSync(runs)).toBe(false);
  const validated = await averse(["config", "validate", file], { env });
  expect(validated).toEqual(ran);
});

test("validate says what was checked, as lines or as JSON", async () => {
  const file = experiment("sound", "{model: rm, label: toxic, sign: -1}");
  const { code, stdout } = await averse(["config", "validate", file]);
  expect(code).toBe(0);
  expect(stdout.split("\n")[0]).toBe(`${file}: valid; 3 trials: sft-s0, rlhf-s0, ra-rlhf-s0`);
  expect(stdout).toMatch(
    /^ {2}reward +\S+rm, Bert.*6 labels \(multi-label\), toxic is the score$/m,
  );
  expect(stdout).toMatch(/^ {2}disk +about \d+ kB for models and checkpoints; .* free in /m);
  const json = JSON.parse((await averse(["config", "validate", file, "--json"])).stdout);
  expect(json).toMatchObject({ valid: true, name: "mine", warnings: [] });
  expect(json.checked.map(({ what }: { what: string }) => what)).toContain("evaluation");
});

test("a hub out of reach is a warning, and is not asked offline", async () => {
  const file = experiment("hub", "{model: owner/rm, label: toxic}");
  const env = { HF_ENDPOINT: "http://127.0.0.1:9", HF_HOME: join(scratch, "no-cache") };
  const asked = await averse(["config", "validate", file], { env });
  expect(asked.code).toBe(0);
  expect(asked.stdout).toContain("owner/rm, which could not be checked: the hub cannot be reached");
  const offline = await averse(["config", "validate", file, "--offline"], { env });
  expect(offline.code).toBe(0);
  expect(offline.stdout).not.toContain("warning");
  expect(offline.stdout).toContain("owner/rm on the hub: not looked up");
});
