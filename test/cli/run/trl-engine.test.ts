/** TRL's trainers under the controller, with real processes and a tiny model. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { averse, buildProgramFirst, root, scratch } from "../averse.js";

buildProgramFirst();

const python = process.env.AVERSE_PYTHON ?? join(root, ".venv", "bin", "python");

const models = `
import sys
from pathlib import Path
from tiny_models import write_data, write_language_model
here = Path(sys.argv[1])
write_language_model(here / "policy")
write_data(here / "data")
`;

const experiment = `
name: trl
arms: [ra-rlhf]
seeds: [0]
policy: { model: policy }
data: { path: data, good: good }
sft: { steps: 0 }
rollout: { prompt_tokens: 6, new_tokens: 6 }
training: { algorithm: rloo, completions: 2, iterations: 2, batch: 8, minibatch: 4, epochs: 1 }
risk: { alpha: 0.5, warmup: 0 }
checkpoint: { every: 1 }
evaluation: { prompts: 4, every: 0, samples: 0 }
backend: { worker: trl, device: cpu, threads: 1, engine_options: { trainer: rloo } }
`;

let here = "";

beforeAll(async () => {
  here = join(scratch, "trl");
  mkdirSync(here);
  writeFileSync(join(here, "trl.yaml"), experiment);
  const paths = [join(root, "python"), join(root, "test", "python")].join(":");
  await execa(python, ["-c", models, here], { env: { PYTHONPATH: paths } });
});

test("averse run trains with TRL's trainers", async () => {
  const folder = join(here, "run");
  const args = ["run", join(here, "trl.yaml"), "--run-dir", folder, "--plain"];
  const { code, stderr } = await averse(args);
  expect(stderr).not.toMatch(/rror/);
  expect(code).toBe(0);
  const journal = readFileSync(join(folder, "journal.jsonl"), "utf8");
  const events = journal
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const steps = events.filter((event) => event.type === "step");
  // Of the second iteration two episodes are left out: they make no step longer, and none more.
  expect(steps.map(({ kept, gradient_steps }) => [kept, gradient_steps])).toEqual([
    [8, 2],
    [6, 2],
  ]);
  for (const { loss_policy, loss_value, grad_norm, episodes } of steps) {
    expect(loss_policy).not.toBe(0);
    expect(loss_value ?? null).toBeNull();
    expect(grad_norm).toBeGreaterThan(0);
    expect(new Set(episodes.reward).size).toBeGreaterThan(1);
  }
  expect(events.filter((event) => event.type === "checkpoint_saved")).toHaveLength(2);
}, 300_000);
