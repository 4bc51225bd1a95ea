/**
 * Completions from a vLLM server that dies in the middle of a run and comes back: the real worker, and
 * a stand-in for the server in a process of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeAll, expect, test } from "vitest";
import { averse, buildProgramFirst, root, scratch } from "../averse.js";

buildProgramFirst();

const python = process.env.AVERSE_PYTHON ?? join(root, ".venv", "bin", "python");
const paths = [join(root, "python"), join(root, "test", "python")].join(":");
const env = { PYTHONPATH: paths };

const models = `
import sys
from pathlib import Path
from tiny_models import write_data, write_language_model
here = Path(sys.argv[1])
write_language_model(here / "policy")
write_data(here / "data")
`;

function experiment(url: string): string {
  return `
name: vllm
arms: [ra-rlhf]
seeds: [0]
policy: { model: policy }
data: { path: data, good: good }
sft: { steps: 0 }
rollout: { prompt_tokens: 6, new_tokens: 6 }
training: { iterations: 3, batch: 8, minibatch: 4, epochs: 1 }
risk: { alpha: 0.5, warmup: 0 }
checkpoint: { every: 1 }
evaluation: { prompts: 4, every: 0, samples: 0 }
backend:
  worker: vllm
  device: cpu
  threads: 1
  engine_options: { url: "${url}", connect_seconds: 1, retries: 1 }
`;
}

let here = "";
let server: ChildProcess | null = null;

/** Starts one; it dies at the request for completions after `requests`. */
async function serve(port: number, requests: number | null): Promise<string> {
  const script = join(root, "test", "python", "vllm_server.py");
  const args = [script, join(here, "policy"), String(port), requests === null ? "" : `${requests}`];
  const started = spawn(python, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  server = started;
  const [address] = await once(started.stdout, "data");
  return String(address).trim();
}

async function stop(): Promise<void> {
  if (server?.exitCode === null && server.kill()) await once(server, "exit");
  server = null;
}

beforeAll(async () => {
  here = join(scratch, "vllm");
  mkdirSync(here);
  await execa(python, ["-c", models, here], { env });
});

afterEach(stop);

test("a server that dies ends the run with one sentence, and a resumed run with a result", async () => {
  const url = await serve(0, 12);
  const { port } = new URL(url);
  const file = join(here, "vllm.yaml");
  writeFileSync(file, experiment(url));
  const folder = join(here, "run");
  const broken = await averse(["run", file, "--run-dir", folder, "--plain"]);
  expect(broken.code).toBe(3);
  expect(broken.stderr).toMatch(
    /the vLLM server http:\S+\/health gave no answer: .*refused; it was waited for \d+ s .*Start it/,
  );
  expect(broken.stderr).toContain("averse resume");
  expect(broken.stderr).not.toContain("Traceback");
  await stop();

  await serve(Number(port), null);
  const resumed = await averse(["resume", folder, "--plain"]);
  expect(resumed.code).toBe(0);
  expect((await averse(["verify", folder])).code).toBe(0);
  const events = readFileSync(join(folder, "journal.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const steps = events.filter((event) => event.type === "step");
  expect(steps.map(({ step }) => step)).toEqual([0, 1, 2]);
  for (const { figures, loss_value } of steps) {
    expect(loss_value).toBeGreaterThan(0);
    expect(figures.importance_mean).toBeCloseTo(1, 3);
    expect(figures.importance_outside).toBe(0);
    expect(Math.abs(figures.sampler_kl)).toBeLessThan(1e-3);
  }
  const opened = events.find((event) => event.type === "worker_opened");
  expect(opened.figures.update).toHaveProperty("importance_max");
  const manifest = readFileSync(join(folder, "manifest.json"), "utf8");
  expect(manifest).toContain("completions are a vLLM server's");
}, 600_000);
