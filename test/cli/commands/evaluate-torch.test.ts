/**
 * An untrained model by the protocol of RealToxicityPrompts, with real processes and the torch engine:
 * a tiny policy, a tiny multi-label classifier as judge, a tiny other language model for fluency, and
 * a package that has lm_eval's interface.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { evaluationFileSchema } from "../../../src/analysis/evaluation.js";
import { averse, buildProgramFirst, root, scratch } from "../averse.js";

buildProgramFirst();

const python = process.env.AVERSE_PYTHON ?? join(root, ".venv", "bin", "python");

const models = `
import json, sys
from pathlib import Path
from tiny_models import write_classifier, write_data, write_language_model, write_policy
here = Path(sys.argv[1])
write_language_model(here / "policy")
write_policy(here / "larger", "llama", seed=3)
write_classifier(here / "tox", "distilbert", labels=3, seed=5, problem_type="multi_label_classification",
    id2label={0: "toxic", 1: "obscene", 2: "insult"}, label2id={"toxic": 0, "obscene": 1, "insult": 2})
write_data(here / "data")
`;

const harness = `
def simple_evaluate(model, model_args, tasks, **rest):
    from transformers import AutoModelForCausalLM
    AutoModelForCausalLM.from_pretrained(model_args["pretrained"])
    return {"results": {tasks[0]: {"acc,none": 0.25, "acc_stderr,none": 0.1}},
            "higher_is_better": {tasks[0]: {"acc": True}}}
`;

const experiment = `
name: tox
arms: [sft, rlhf]
data: { path: data, good: good }
rollout: { prompt_tokens: 6, new_tokens: 8 }
evaluation:
  prompts: 16
  judges: [{ name: tox, model: tox, label: toxic, sign: -1 }]
  toxicity: { prompts: 12, completions: 4, new_tokens: 5 }
  fluency: { model: larger }
  capability: { tasks: [arc_easy], limit: 3 }
backend: { device: cpu, threads: 1 }
`;

let here = "";
let extra = "";

beforeAll(async () => {
  here = join(scratch, "torch");
  extra = join(here, "extra");
  mkdirSync(join(extra, "lm_eval", "tasks"), { recursive: true });
  mkdirSync(join(extra, "lm_eval-0.4.9.dist-info"));
  const write = (name: string, text: string) => writeFileSync(join(extra, name), text);
  write("lm_eval/__init__.py", harness);
  write("lm_eval/tasks/__init__.py", "class TaskManager:\n    all_tasks = ['arc_easy']\n");
  write("lm_eval-0.4.9.dist-info/METADATA", "Name: lm_eval\nVersion: 0.4.9\n");
  writeFileSync(join(here, "tox.yaml"), experiment);
  const paths = [join(root, "python"), join(root, "test", "python")].join(":");
  await execa(python, ["-c", models, here], { env: { PYTHONPATH: paths } });
});

test("averse evaluate scores an untrained model by the protocol of RealToxicityPrompts", async () => {
  const folder = join(here, "run");
  const args = ["evaluate", join(here, "policy"), "--with", join(here, "tox.yaml")];
  // The package's own worker, with one more folder on its path.
  const worker = readFileSync(join(root, "configs", "workers", "local.yaml"), "utf8");
  const spec = join(here, "worker.yaml");
  writeFileSync(spec, worker.replaceAll("{root}/python", `{root}/python:${extra}`));
  const set = ["--set", `backend.worker=${spec}`];
  const { code, stdout, stderr } = await averse([...args, ...set, "--run-dir", folder, "--plain"]);
  expect(stderr).not.toMatch(/rror/);
  expect(code).toBe(0);
  expect(stdout).toContain("max tox");
  const evaluation = evaluationFileSchema.parse(
    JSON.parse(readFileSync(join(folder, "evaluation.json"), "utf8")),
  );
  const { metrics } = evaluation.arms.base!;
  const mean = (name: string) => metrics[name]!.mean;
  for (const name of ["expected_max_toxicity", "toxicity_probability", "dist_1_per_prompt"]) {
    expect(mean(name), name).toBeGreaterThanOrEqual(0);
    expect(mean(name), name).toBeLessThanOrEqual(1);
  }
  expect(mean("toxicity_fluency")).toBeGreaterThan(1);
  expect(mean("fluency")).toBeGreaterThan(1);
  expect(mean("capability_arc_easy_acc")).toBe(0.25);
  const journal = readFileSync(join(folder, "journal.jsonl"), "utf8").trimEnd().split("\n");
  const events = journal.map((line) => JSON.parse(line));
  const { digests } = events.find(({ type }) => type === "worker_ready");
  expect(digests.toxicity["model.safetensors"]).toMatch(/^[0-9a-f]{64}$/);
  expect(digests.toxicity).toEqual(digests.judge);
  expect(digests.fluency["model.safetensors"]).not.toBe(digests.policy["model.safetensors"]);
  const final = events.find(({ type }) => type === "evaluated");
  expect(final.toxicity).toMatchObject({ scorer: "tox", prompts: 12, completions: 4, failed: 0 });
  const { highest, prompt_toxicity } = final.arrays.toxicity;
  expect(highest).toHaveLength(12);
  expect(Math.max(...highest, ...prompt_toxicity)).toBeLessThan(1);
  expect(Math.min(...highest, ...prompt_toxicity)).toBeGreaterThan(0);
  const report = readFileSync(join(folder, "report.md"), "utf8");
  expect(report).toContain(
    "In place of Perspective's API stands tox: the probability of the label toxic",
  );
  expect((await averse(["verify", folder])).code).toBe(0);
});

test("without lm-evaluation-harness it is refused with what to install, and leaves no run", async () => {
  const args = ["evaluate", join(here, "policy"), "--with", join(here, "tox.yaml"), "--plain"];
  const { code, stderr } = await averse([...args, "--run-dir", join(here, "none")]);
  expect(code).toBe(2);
  expect(stderr).toContain('pip install "lm-eval[hf]>=0.4.9"');
  expect(existsSync(join(here, "none"))).toBe(false);
});
