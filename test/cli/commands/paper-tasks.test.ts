/**
 * The paper's tasks. Their models and data cannot be downloaded by a test: each is checked without
 * the hub, and run with tiny models of the same kinds, labels and columns in their place.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loadExperiment } from "../../../src/config/load.js";
import { pythonPath } from "../../../src/worker/python-path.js";
import { averse, buildProgramFirst, root, scratch } from "../averse.js";

buildProgramFirst();

const tasks: readonly (readonly [name: string, batch: number])[] = [
  ["imdb-gen", 128],
  ["imdb-gen-gptj", 8],
  ["jigsaw-gen", 128],
  ["rtp-gen", 128],
  ["olid-gen", 128],
];

/**
 * Two of them are trained to their end; of the others all is loaded, fine-tuned and evaluated. Of
 * imdb-gen there is nothing that the others do not have: GPT-2, and the data and rewards of
 * imdb-gen-gptj.
 */
const runs: readonly (readonly [
  name: string,
  policy: string,
  reward: string,
  data: string,
  arm: string,
])[] = [
  ["imdb-gen-gptj", "gptj", "distilbert-imdb", "imdb.csv", "ra-rlhf-outside"],
  ["jigsaw-gen", "gpt2", "toxic-bert", "jigsaw.csv", "sft"],
  ["rtp-gen", "gpt2", "toxic-bert", "rtp.jsonl", "ra-rlhf-outside"],
  ["olid-gen", "gpt2", "roberta-offensive", "tweets.csv", "sft"],
];

function shipped(name: string) {
  return loadExperiment(join(root, "configs", "experiments", `${name}.yaml`), []).experiment;
}

/** Small enough for seconds; what the task itself is about stays. */
const small = [
  ...["seeds=0", "sft.epochs=null", "sft.steps=2", "sft.batch=4", "evaluation.prompts=12"],
  ...["evaluation.every=0", "training.iterations=2", "training.batch=8", "training.minibatch=4"],
  ...["training.epochs=1", "risk.warmup=0", "backend.dtype=float32", "evaluation.headline=null"],
];

describe.each(tasks)("%s", (name, batch) => {
  test("has the paper's arms, and α, seeds and KL by the paper", () => {
    const experiment = shipped(name);
    expect(Object.keys(experiment.arms)).toEqual([
      ...["base", "sft", "rlhf", "rlhf-kl", "ra-rlhf", "ra-rlhf-outside"],
    ]);
    const outside = experiment.arms["ra-rlhf-outside"]!;
    expect(outside).toMatchObject({ kl: { form: "loss" }, risk: { measure: "cvar" } });
    expect(experiment).toMatchObject({
      seeds: [0, 1, 2],
      kl: { target: 6, beta: 0.2, k_beta: 0.0128 },
      risk: { warmup: 30, rho: 0.95, alpha: name.startsWith("imdb") ? 0.4 : 0.2 },
      training: { epochs: 4, learning_rate: 1.41e-5, batch },
    });
  });

  test("validates without the hub", async () => {
    const { code, stdout, stderr } = await averse(["config", "validate", name, "--offline"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).not.toContain("warning");
  });
});

test("imdb-gen reads and rewards what imdb-gen-gptj does, at the same lengths", () => {
  const [one, other] = [shipped("imdb-gen"), shipped("imdb-gen-gptj")];
  for (const key of ["data", "reward", "rollout", "evaluation"] as const) {
    expect(one[key]).toEqual(other[key]);
  }
});

describe("on local folders of the same layout", () => {
  beforeAll(() => {
    const folder = join(scratch, "models");
    mkdirSync(folder);
    const script = fileURLToPath(new URL("paper_models.py", import.meta.url));
    const env = {
      ...process.env,
      PYTHONPATH: [join(root, "python"), join(root, "test", "python")].join(":"),
    };
    execFileSync(pythonPath(root), [script, folder], { env, stdio: "pipe" });
  }, 120_000);

  test.each(runs)("%s runs", { timeout: 240_000 }, async (name, policy, reward, data, arm) => {
    const set = [
      ...small,
      ...[`arms=${arm}`, `policy.model=${join(scratch, "models", policy)}`],
      ...[`reward.model=${join(scratch, "models", reward)}`, "data.hub=null", "data.config=null"],
      ...[`data.path=${join(scratch, "models", data)}`, "data.split=0.2", "data.limit=null"],
    ];
    const folder = join(scratch, name);
    const args = ["run", name, "--plain", "--run-dir", folder];
    const { code, stdout, stderr } = await averse([
      ...args,
      ...set.flatMap((one) => ["--set", one]),
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${arm} +[−\\d.]+`, "m"));
  });
});
