/** What is refused before a run folder exists, by `run` and by `config validate` alike. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
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

const quantized = ["policy.quantize=4bit", "policy.lora_rank=4"];
const grpo = ["training.algorithm=grpo", "kl.form=return", "training.completions=4"];

describe("what a backend cannot do is refused by the keys, before its worker is started", () => {
  test.each<[string, readonly string[], RegExp]>([
    [
      "deepspeed",
      ["backend.dtype=float16"],
      /found backend\.dtype float16, expected float32 or bfloat16: .*small gradients\. Set backend\.dtype to float32 or bfloat16, or use another backend\./,
    ],
    ["deepspeed", quantized, /found policy\.quantize 4bit, expected none: .*plain number formats/],
    ["fsdp", quantized, /found policy\.quantize 4bit, expected none: --strategy fsdp/],
    [
      "distributed",
      ["training.batch=1", "training.minibatch=1", "arms=[rlhf]"],
      /found training\.batch 1, expected 2 or more: the episodes are divided among 2 processes/,
    ],
    ["trl", [], /found the engine trl, which has no critic, which ppo needs/],
    [
      "trl",
      [...grpo, "training.entropy_coefficient=0.1"],
      /entropy_coefficient 0\.1, expected 0: /,
    ],
    [
      "trl",
      [...grpo, "backend.engine_options.trainer=rloo"],
      /found training\.loss_aggregation token-mean, expected seq-mean-token-sum: /,
    ],
    [
      "trl",
      [...grpo, "backend.engine_options.trainer=rloo", "backend.engine_options.delta=2"],
      /Leave backend\.engine_options\.delta out, change backend\.engine_options\.trainer/,
    ],
    ["vllm", ["rollout.temperature=3"], /rollout\.temperature 3, expected 0\.01 to 2: /],
    [
      "vllm",
      ["backend.engine_options.url=http://gpu-box:8000"],
      /the connection to another machine would be unencrypted\. .*allow_insecure/,
    ],
    ["fake", ["policy.lora_rank=4"], /found the engine fake, which has no LoRA/],
    ["local", ["backend.engine_options.speed=2"], /backend\.engine_options\.speed/],
    ["local", [...quantized, "backend.device=cpu"], /policy\.quantize: .* expected .*CUDA/],
  ])("%s with %j", async (worker, changes, words) => {
    const sets = [`backend.worker=${worker}`, ...changes].flatMap((one) => ["--set", one]);
    const runs = join(scratch, "refused-runs");
    const ran = await averse(["run", "smoke", "--runs", runs, ...sets]);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toMatch(words);
    expect(existsSync(runs)).toBe(false);
  });

  test("by plan as well", async () => {
    const sets = ["backend.worker=deepspeed", "backend.dtype=float16"];
    const args = ["plan", "smoke", ...sets.flatMap((one) => ["--set", one])];
    const { code, stderr } = await averse(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^--set backend\.dtype=float16: backend\.dtype: found /);
  });

  test("a command that the worker would refuse is refused in its words", async () => {
    const file = join(scratch, "alone.yaml");
    const words = ["{python}", "-m", "averse_worker", "--endpoint", "{endpoint}"];
    const argv = [...words, "--session", "{session}", "--engine", "torch", "--strategy", "fsdp"];
    writeFileSync(file, JSON.stringify({ name: "alone", argv }));
    const { code, stderr } = await averse(["run", "smoke", "--set", `backend.worker=${file}`]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /backend\.worker: the command of the backend alone is refused: --strategy fsdp divides the model among several processes, and there is one; /,
    );
  });
});
