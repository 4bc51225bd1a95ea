import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { problemLine } from "../../src/config/problems.js";
import type { DataReading } from "../../src/preflight/check-data.js";
import { neededBytes } from "../../src/preflight/check-disk.js";
import { labelsOf } from "../../src/preflight/check-model.js";
import { readModelFolder } from "../../src/preflight/model-files.js";
import { type HubModel, type PreflightPorts, preflight } from "../../src/preflight/preflight.js";
import { contextOf, windowOf } from "../../src/preflight/windows.js";
import { scratchFolder } from "../config/scratch-files.js";
import { gpt2, modelFolder, safetensors, toxicBert } from "./model-folders.js";

const base = `
name: x
policy: {model: lm}
reward: {model: rm, label: toxic, sign: -1}
evaluation: {harm_threshold: 0}
risk: {warmup: 1}
`;

/** An experiment beside the folders `lm` and `rm`, checked. */
function checked(
  yaml = base,
  { ports = {}, set = [] }: { ports?: Partial<PreflightPorts>; set?: readonly string[] } = {},
) {
  const root = scratchFolder();
  modelFolder(join(root, "assets", "language-model"), gpt2);
  modelFolder(join(root, "assets", "reward"), { architecture: "averse-ngram" });
  modelFolder(join(root, "assets", "judge"), { architecture: "averse-convolution" });
  const lm = modelFolder(join(root, "lm"), gpt2);
  const rm = modelFolder(join(root, "rm"), toxicBert);
  const file = join(root, "x.yaml");
  writeFileSync(file, yaml);
  const run = async () => {
    const { experiment, given } = loadExperiment(file, set, root);
    const found = await preflight(experiment, given, {
      assets: join(root, "assets"),
      checksModels: true,
      hub: null,
      data: null,
      backend: null,
      disk: null,
      isSet: null,
      folders: [],
      ...ports,
    });
    const text = (problems: typeof found.problems) =>
      problems.map((one) => problemLine(one).replaceAll(`${root}/`, ""));
    return {
      checked: Object.fromEntries(
        found.checked.map(({ what, found: words }) => [what, words.replaceAll(`${root}/`, "")]),
      ),
      warnings: text(found.warnings),
      problems: text(found.problems),
    };
  };
  return { root, lm, rm, run };
}

test("what is sound is summarised, and nothing is wrong with it", async () => {
  expect(await checked().run()).toEqual({
    checked: {
      policy: "lm, GPT2LMHeadModel, 1 k parameters, 128 positions",
      reward:
        "rm, BertForSequenceClassification, 1 k parameters, 512 positions, 6 labels (multi-label), toxic is the score",
      "schedule of ra-rlhf":
        "128 episodes kept for 4 iterations, then fewer, 52 in the last of 194 (α in force for 9)",
      evaluation: "1000 test prompts, 100 of them in the tail",
    },
    warnings: [],
    problems: [],
  });
});

test("built-in models are looked into as any other", async () => {
  const { checked: lines, problems } = await checked("name: x\n").run();
  expect(problems).toEqual([]);
  expect(lines).toMatchObject({
    policy: "built-in, 1 k parameters, 128 positions",
    reward: "built-in, 1 k parameters, 1 label",
    judge: "built-in, 1 k parameters, 1 label",
  });
});

describe("a model's folder is refused, naming the file", () => {
  test.each<[string, (folder: string) => void, string]>([
    ["no config", (at) => modelFolder(at, {}, { "config.json": null }), "which has no config.json"],
    [
      "no JSON",
      (at) => modelFolder(at, {}, { "config.json": "{" }),
      "lm/config.json, which is not",
    ],
    [
      "a pickle alone",
      (at) =>
        modelFolder(at, gpt2, { "model.safetensors": null, "pytorch_model.bin": Buffer.alloc(9) }),
      "weights in pytorch_model.bin, a pickle, which could run code when it is read, expected " +
        "weights in model.safetensors (or several files and model.safetensors.index.json). Set a " +
        "revision that has safetensors",
    ],
    [
      "weights of another library",
      (at) => modelFolder(at, gpt2, { "model.safetensors": null, "tf_model.h5": "" }),
      "with its weights in tf_model.h5,",
    ],
    ["no weights", (at) => modelFolder(at, gpt2, { "model.safetensors": null }), "has no weights"],
    [
      "weights cut short",
      (at) => modelFolder(at, gpt2, { "model.safetensors": safetensors(50).subarray(0, 200) }),
      "lm/model.safetensors with 200 bytes, expected",
    ],
    [
      "no safetensors in it",
      (at) => modelFolder(at, gpt2, { "model.safetensors": "no weights at all" }),
      "lm/model.safetensors, which is not a safetensors file",
    ],
    [
      "a part that is missing",
      (at) =>
        modelFolder(at, gpt2, {
          "model.safetensors": null,
          "model.safetensors.index.json": JSON.stringify({
            weight_map: { w: "part-1.safetensors" },
          }),
        }),
      "found no lm/part-1.safetensors, which model.safetensors.index.json lists",
    ],
    [
      "an adapter",
      (at) => modelFolder(at, gpt2, { "adapter_config.json": "{}" }),
      "an adapter (lm/adapter_config.json), expected a whole model. Merge it",
    ],
    ["no tokenizer", (at) => modelFolder(at, gpt2, { "tokenizer.json": null }), "has no tokenizer"],
    [
      "quantized",
      (at) => modelFolder(at, { ...gpt2, quantization_config: { quant_method: "gptq" } }),
      "with quantized weights (gptq)",
    ],
    [
      "a classifier",
      (at) => modelFolder(at, { ...gpt2, architectures: ["GPT2ForSequenceClassification"] }),
      "found lm, a GPT2ForSequenceClassification, expected a decoder-only language model",
    ],
    [
      "an encoder-decoder",
      (at) =>
        modelFolder(at, {
          architectures: ["T5ForConditionalGeneration"],
          is_encoder_decoder: true,
        }),
      "an encoder-decoder, expected a decoder-only",
    ],
  ])("%s", async (_, write, words) => {
    const { root, run } = checked();
    const folder = join(root, "lm");
    rmSync(folder, { recursive: true });
    write(folder);
    const { problems } = await run();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^x\.yaml:3:17: policy\.model: found /);
    expect(problems[0]).toContain(words);
  });

  test("a reward model that generates", async () => {
    const { rm, run } = checked();
    modelFolder(rm, gpt2);
    expect((await run()).problems).toEqual([
      "x.yaml:4:17: reward.model: found rm, a GPT2LMHeadModel, expected a " +
        "…ForSequenceClassification model. Name a model with a classification head.",
    ]);
  });

  test("a revision of a folder", async () => {
    const { run } = checked(`${base}`, { set: ["policy.revision=main"] });
    expect((await run()).problems).toEqual([
      "--set policy.revision=main: policy.revision: found the revision main of the folder lm, " +
        "expected a revision of a model from the Hugging Face hub alone. Remove it: a folder has no " +
        "revisions.",
    ]);
  });
});

describe("labels", () => {
  test.each([
    ["toxicity", 'found "toxicity", which is no label of rm, expected one of toxic, severe_toxic'],
    ["obscne", "Did you mean obscene?"],
  ])("%s is none", async (label, words) => {
    const { problems } = await checked(base, { set: [`reward.label=${label}`] }).run();
    expect(problems[0]).toContain(words);
    expect(problems[0]).toMatch(/^--set reward\.label=\w+: reward\.label: /);
  });

  test("one of more than two has to be named", async () => {
    const { problems } = await checked(base.replace("label: toxic, ", "")).run();
    expect(problems).toEqual([
      "x.yaml:4:9: reward.label: found no label of rm, which has 6: toxic, severe_toxic, obscene, " +
        "threat, insult, identity_hate, expected the label whose logit is the score. Write for " +
        "example `label: toxic`.",
    ]);
  });

  test.each([
    [{ id2label: { 0: "no", 1: "yes" } }, ["no", "yes"]],
    [{}, ["LABEL_0", "LABEL_1"]],
    [{ num_labels: 1 }, ["LABEL_0"]],
    [{ id2label: { 0: "a", 2: "b" } }, null],
    [{ id2label: { 0: "a", 1: "a" } }, null],
    [{ id2label: ["a"] }, null],
    [{ architecture: "averse-ngram", label: "good" }, ["good"]],
  ])("%j are %j", (config, names) => {
    expect(labelsOf({ place: "", config, tokenizer: null, names: null, parameters: null })).toEqual(
      names,
    );
  });
});

describe("rewards of other kinds", () => {
  const withReward = (reward: string) => base.replace(/reward: .*/, `reward: ${reward}`);

  test("a model of preferences has one output", async () => {
    const yaml = withReward("{kind: preference, model: rm}");
    const { rm, run } = checked(yaml);
    expect((await run()).problems).toEqual([
      "x.yaml:4:35: reward.model: found rm, which has 6 labels: toxic, severe_toxic, obscene, " +
        "threat, insult, identity_hate, expected one output. Set reward.kind to classifier and name " +
        "the label that is scored.",
    ]);
    modelFolder(rm, { ...toxicBert, id2label: { 0: "reward" } });
    expect(await run()).toMatchObject({
      problems: [],
      checked: { reward: expect.stringContaining("one output") },
    });
  });

  test.each([
    ["def score(prompts, completions): ...", null],
    ["async def score(prompts, completions): ...", null],
    ["from other import scored as score, more", null],
    ["score = functools.partial(other)", null],
    ["def scores(prompts): ...", "Did you mean scores?"],
    ["class A:\n    def score(self): ...", "expected one of A"],
    ["", "expected a function in it"],
  ])("a function is looked for in its file: %j", async (source, words) => {
    const { root, run } = checked(withReward("{kind: python, function: reward.py:score}"));
    writeFileSync(join(root, "reward.py"), source);
    const { problems } = await run();
    expect(problems.join()).toContain(words ?? "");
    expect(problems).toHaveLength(words === null ? 0 : 1);
  });

  test("a list has its places in the messages", async () => {
    const yaml = withReward("[{kind: length}, {name: tox, model: rm, label: toxci, sign: -1}]");
    expect((await checked(yaml).run()).problems).toEqual([
      expect.stringMatching(/^x\.yaml:4:\d+: reward\.1\.label: found "toxci".*Did you mean toxic/),
    ]);
  });

  test("completions alone are measured where they alone are scored", async () => {
    const { rm, run } = checked(base.replace("label: toxic", "label: toxic, text: completion"));
    modelFolder(rm, { ...toxicBert, max_position_embeddings: 80 });
    expect((await run()).warnings).toEqual([]);
  });
});

describe("lengths", () => {
  test("prompt and completion have to fit the policy, in each arm", async () => {
    const yaml = `${base}arms:\n  sft:\n  long: {rollout: {new_tokens: 100}}\n`;
    expect((await checked(yaml).run()).problems).toEqual([
      "x.yaml:9:32: arms.long.rollout.new_tokens: found prompt_tokens 64 and new_tokens 100, 164 " +
        "together, expected at most the 128 positions of lm. Lower rollout.new_tokens to 64 or " +
        "rollout.prompt_tokens to 28.",
    ]);
  });

  test("so do the texts of fine-tuning", async () => {
    const { problems } = await checked(base, { set: ["sft.max_tokens=129"] }).run();
    expect(problems).toEqual([expect.stringContaining("Set sft.max_tokens to 128 or lower")]);
  });

  test("what a scorer cannot read whole is a warning; its tokens are its own", async () => {
    const { rm, run } = checked();
    modelFolder(rm, { ...toxicBert, max_position_embeddings: 80 });
    expect((await run()).warnings).toEqual([
      expect.stringContaining(
        "found prompt and completion of up to 112 tokens, expected at most the 80",
      ),
    ]);
    modelFolder(rm, { ...toxicBert, max_position_embeddings: 40 });
    expect(await run()).toMatchObject({
      warnings: [expect.stringContaining("completions of up to 48 tokens")],
      problems: [],
    });
    modelFolder(rm, { ...toxicBert, max_position_embeddings: 40, vocab_size: gpt2.vocab_size });
    expect(await run()).toMatchObject({
      warnings: [],
      problems: [expect.stringContaining("Lower rollout.new_tokens to 40")],
    });
  });

  test.each([
    [{ n_positions: 1024 }, 1024],
    [
      {
        max_position_embeddings: 131_072,
        original_max_position_embeddings: 4096,
        rope_scaling: { type: "longrope" },
      },
      4096,
    ],
    [
      {
        max_position_embeddings: 131_072,
        rope_parameters: { rope_type: "longrope", original_max_position_embeddings: 4096 },
      },
      4096,
    ],
    [
      {
        max_position_embeddings: 8192,
        rope_parameters: { rope_type: "yarn", original_max_position_embeddings: 4096 },
      },
      8192,
    ],
    [{ max_position_embeddings: 512, model_type: "bert" }, 512],
    [{ max_position_embeddings: 514, model_type: "roberta", pad_token_id: 1 }, 512],
    [{ text_config: { max_position_embeddings: 4096 } }, 4096],
    [{ model_type: "bloom" }, null],
  ])("%j has %s positions", (config, positions) => {
    expect(contextOf(config)).toBe(positions);
  });

  test("a tokenizer's limit counts where it has one", () => {
    expect(windowOf({ n_positions: 1024 }, { model_max_length: 512 })).toBe(512);
    expect(windowOf({ n_positions: 1024 }, { model_max_length: 1e30 })).toBe(1024);
    expect(windowOf({}, null)).toBeNull();
  });
});

/** Of so many rows, half of them good. */
function reading(train: number, test: number): DataReading {
  const split = (kept: number) => ({ rows: kept, kept, good: kept / 2, truncated: 0, dropped: 0 });
  return { problems: [], rows: { train: split(train), test: split(test) }, overlap: 0 };
}

describe("data", () => {
  const withData = (answer: DataReading | string, set: readonly string[] = []) =>
    checked(base, { ports: { data: async () => answer }, set }).run();

  test("are summarised", async () => {
    const { rows } = reading(2000, 1000);
    const cut = { ...rows!.train, truncated: 7 };
    const answer = { problems: [], rows: { ...rows!, train: cut }, overlap: 3 };
    expect((await withData(answer)).checked.data).toBe(
      "builtin; 2000 prompts for training (1000 good), 1000 for tests (500 good); " +
        "7 cut to rollout.prompt_tokens; 3 test prompts are training prompts",
    );
  });

  test("have prompts enough for a sampler's strata, in the arms that draw from them", async () => {
    const answer = reading(30, 1000);
    expect((await withData(answer, ["sampling.strata=31"])).problems).toEqual([]);
    const set = ["sampling.strategy=cross-entropy", "sampling.strata=31"];
    expect((await withData(answer, set)).problems).toContain(
      "--set sampling.strata=31: sampling.strata: found 31 strata of 30 training prompts, expected " +
        "at least one prompt in each. Lower sampling.strata to at most 30.",
    );
  });

  test("that cannot be read stop a run in the worker's words, at their key", async () => {
    const problem = { message: "/x.csv has no column 'txt'; it has id, text", environment: false };
    const broken = { problems: [{ ...problem, key: "data.columns" }], rows: null, overlap: null };
    expect((await withData(broken)).problems).toEqual([
      "x.yaml:2:1: data.columns: /x.csv has no column 'txt'; it has id, text.",
    ]);
    const away = { ...broken, problems: [{ ...problem, key: "data.path", environment: true }] };
    expect(await withData(away)).toMatchObject({
      problems: [],
      warnings: [expect.stringContaining("/x.csv has no column")],
    });
  });

  test("nobody can read are a warning", async () => {
    expect(await withData("no Python for the worker")).toMatchObject({
      problems: [],
      warnings: ["x.yaml:2:1: data: the data cannot be checked: no Python for the worker."],
    });
  });

  test("have a place where their columns or classes are named", async () => {
    for (const set of ["data.columns.text=tweet", "data.good=1"]) {
      expect((await checked(base, { set: [set] }).run()).problems).toEqual([
        expect.stringMatching(/the built-in data with data\.\w+.*--set data\.path=FILE/),
      ]);
    }
  });

  test("need good rows where there is fine-tuning", async () => {
    const { rows } = reading(2000, 1000);
    const bad = {
      problems: [],
      rows: { ...rows!, train: { ...rows!.train, good: 0 } },
      overlap: 0,
    };
    expect((await withData(bad)).problems).toEqual([
      expect.stringContaining("no row of the good class among 2000 training rows"),
    ]);
    expect((await withData(bad, ["sft.steps=0"])).problems).toEqual([]);
  });
});

test("a token's variable that the worker will not have is a problem", async () => {
  const yaml =
    "name: x\nreward: {kind: http, url: 'http://localhost/x', token_env: SCORES}\nevaluation: {harm_threshold: 0}\n";
  const problemsWith = async (isSet: PreflightPorts["isSet"]) =>
    (await checked(yaml, { ports: { isSet } }).run()).problems;
  expect(await problemsWith((variable) => variable === "SCORES")).toEqual([]);
  expect(await problemsWith(null)).toEqual([]);
  expect(await problemsWith(() => false)).toEqual([
    expect.stringMatching(/^x.yaml:2:\d+: reward.token_env: found SCORES, .* export SCORES=…\.$/),
  ]);
});

test("a model that is not found may be a folder under a similar name", async () => {
  const yaml = "name: x\npolicy: {model: mods}\n";
  const hub = async () => [{ state: "unknown" as const, why: "no connection" }];
  const { warnings } = await checked(yaml, { ports: { hub, folders: ["data", "moods"] } }).run();
  expect(warnings).toContainEqual(expect.stringContaining("Or is the folder moods meant?"));
});

describe("schedule, prompts and tails", () => {
  test("α that is never reached is a warning, for the arms that go by it", async () => {
    const set = ["training.iterations=6"];
    const { warnings } = await checked(base, { set }).run();
    expect(warnings).toEqual([
      "--set training.iterations=6: training.iterations: found a schedule that comes down to 67 of " +
        "128 episodes (52.3 %) in the last iteration, expected 52 (α = 0.4), which the schedule " +
        "reaches at iteration 7 of 6. Lower risk.rho or raise training.iterations.",
    ]);
    const neutral = await checked(base, { set: [...set, "arms=sft,rlhf"] }).run();
    expect(neutral.warnings).toEqual([]);
  });

  test("a small tail is a warning, as are fewer prompts than are asked for", async () => {
    const ports = { data: async () => reading(100, 60) };
    const { warnings, checked: lines } = await checked(base, { ports }).run();
    expect(lines.evaluation).toBe("60 test prompts, 6 of them in the tail");
    expect(warnings).toEqual([
      expect.stringContaining("a batch of 128 prompts, expected at most the 100 training prompts"),
      expect.stringContaining("1000 prompts for the final evaluation, expected at most the 60"),
      expect.stringContaining(
        "expected at least 10: the mean over fewer says little. Add test data",
      ),
    ]);
  });

  test("the best checkpoint by a judge needs a judge", async () => {
    const { problems } = await checked(base, { set: ["checkpoint.keep_best=judge_tail"] }).run();
    expect(problems).toEqual([
      expect.stringContaining("found keep_best judge_tail without a judge"),
    ]);
  });
});

describe("disk", () => {
  const files = readModelFolderOf(1000);
  const needed = (...set: string[]) => {
    const file = join(scratchFolder(), "x.yaml");
    writeFileSync(file, "name: x\narms: [sft, ra-rlhf]\n");
    return neededBytes(loadExperiment(file, set).experiment, files);
  };

  function readModelFolderOf(parameters: number) {
    return { place: "", config: gpt2, tokenizer: null, names: null, parameters };
  }

  test("models and checkpoints of all trials count", () => {
    // SFT: model and 2 of its size. RL: model, and 3 (weights, 2 moments) per checkpoint.
    expect(needed("checkpoint.every=0")).toBe(4000 * (3 + 1 + 3));
    expect(needed("checkpoint.every=0", "seeds=0,1,2")).toBe(3 * 4000 * (3 + 1 + 3));
    // The newest two, and the one that is being written.
    expect(needed("checkpoint.every=10")).toBe(4000 * (3 + 1 + 3 * 3));
    expect(needed("checkpoint.every=10", "checkpoint.keep_last=0")).toBe(4000 * (3 + 1 + 20 * 3));
    expect(needed("checkpoint.every=0", "training.ema_decay=0.5")).toBe(4000 * (3 + 1 + 4));
    // Adapters: 16 · rank · width numbers in each of the 2 layers (GPT-2 has one matrix for q, k and v).
    expect(needed("checkpoint.every=0", "policy.lora_rank=1")).toBe(2 * 4000 + 5 * 4 * 16 * 32 * 2);
  });

  test("that is too full is refused with both figures", async () => {
    const set = ["checkpoint.every=10", "checkpoint.keep_last=0"];
    const on = (freeBytes: number) =>
      checked(base, { ports: { disk: { place: "/runs", freeBytes } }, set }).run();
    const { problems } = await on(9e4);
    expect(problems).toEqual([
      "--set checkpoint.keep_last=0: checkpoint.keep_last: found models and checkpoints of about " +
        "500 kB, expected less than the 90 kB that are free in /runs. Lower checkpoint.keep_last (0 " +
        "keeps all), train fewer arms or seeds, or choose another disk with --runs.",
    ]);
    expect((await on(5.5e5)).warnings).toHaveLength(1);
    expect(await on(1e9)).toMatchObject({ warnings: [], problems: [] });
  });
});

describe("a model on the hub", () => {
  const yaml = base.replace("model: lm", "model: owner/lm");
  const ask = (answer: HubModel) =>
    checked(yaml, { ports: { hub: async (queries) => queries.map(() => answer) } }).run();

  test("is checked by what the hub says of it", async () => {
    const found = { state: "found", config: gpt2, tokenizer: null, parameters: 124e6 } as const;
    const names = ["config.json", "model.safetensors", "vocab.json"];
    expect(await ask({ ...found, names })).toMatchObject({
      checked: { policy: "owner/lm, GPT2LMHeadModel, 124 M parameters, 128 positions" },
      problems: [],
    });
    expect((await ask({ ...found, names: ["config.json", "pytorch_model.bin"] })).problems).toEqual(
      [expect.stringContaining("owner/lm with its weights in pytorch_model.bin, a pickle")],
    );
  });

  test("that is not there is refused; one that cannot be asked for is a warning", async () => {
    expect((await ask({ state: "refused", why: "the hub has no such model" })).problems).toEqual([
      expect.stringContaining("policy.model: found owner/lm: the hub has no such model"),
    ]);
    expect(await ask({ state: "unknown", why: "no network" })).toMatchObject({
      problems: [],
      warnings: [expect.stringContaining("owner/lm, which could not be checked: no network")],
    });
  });

  test("is not looked up offline", async () => {
    expect(await checked(yaml).run()).toMatchObject({
      checked: { policy: "owner/lm on the hub: not looked up" },
      warnings: [],
      problems: [],
    });
  });
});

test("models of an engine of its own are not looked into", async () => {
  const { root, run } = checked(base, { ports: { checksModels: false } });
  modelFolder(join(root, "lm"), {}, { "config.json": "no JSON" });
  expect((await run()).problems).toEqual([]);
});

test("several files of weights count together", () => {
  const folder = modelFolder(join(scratchFolder(), "m"), gpt2, {
    "model.safetensors": null,
    "model.safetensors.index.json": JSON.stringify({
      weight_map: { a: "1.safetensors", b: "2.safetensors", c: "1.safetensors" },
    }),
    "1.safetensors": safetensors(70),
    "2.safetensors": safetensors(30),
  });
  expect(readModelFolder(folder)).toMatchObject({ parameters: 100 });
});
