/** `stages:` as a user writes it: what is read, what is refused, and with which words. */
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../../src/config/load.js";
import { ConfigError } from "../../../src/config/problems.js";
import {
  inBuildOrder,
  stageReferences,
  withStagesReplaced,
} from "../../../src/config/stages/references.js";
import { unusedStages } from "../../../src/config/stages/violations.js";
import { scratchFile } from "../scratch-files.js";

const head = "name: x\nevaluation: {harm_threshold: 0, judges: null}\n";
const lm = "  lm: {kind: language_model, steps: 5}\n";

function load(text: string, ...set: string[]) {
  return loadExperiment(scratchFile(`${head}${text}`), set);
}

function refusal(text: string, ...set: string[]): string {
  try {
    load(text, ...set);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  return expect.unreachable("it should have been refused");
}

describe("stages", () => {
  test("have defaults, and short forms for data and base", () => {
    const { experiment } = load(
      `stages:\n${lm}  tox: {kind: classifier, base: stage:lm, data: builtin, epochs: 2}\n`,
    );
    expect(experiment.stages.tox).toMatchObject({
      base: { model: "stage:lm", revision: null, trust_remote_code: false },
      data: { path: "builtin" },
      steps: null,
      epochs: 2,
      seed: 0,
    });
    expect(experiment.stages.lm!.base).toMatchObject({ model: "builtin" });
    expect(unusedStages(experiment)).toEqual(["lm", "tox"]);
  });

  test("are overridden like any other key, in short forms too", () => {
    const { experiment } = load(`stages:\n${lm}`, "stages.lm.steps=9", "stages.lm.base=builtin");
    expect(experiment.stages.lm).toMatchObject({ steps: 9, base: { model: "builtin" } });
  });

  test("pairs of texts need the class of the better ones", () => {
    const model = "kind: reward_model, steps: 5";
    const columns = "columns: {text: review, label: label}";
    expect(refusal(`stages: {quality: {${model}, data: {path: x.jsonl, ${columns}}}}\n`)).toMatch(
      /stages\.quality\.data: found texts to make pairs of, and no class of the better ones/,
    );
    const data = `{hub: some/reviews, ${columns}, good: 1}`;
    expect(load(`stages: {quality: {${model}, data: ${data}}}\n`).experiment.stages).toHaveProperty(
      "quality",
    );
  });

  test.each([
    ["policy: {model: stage:ml}\n", /policy\.model: found "stage:ml", .* Did you mean stage:lm\?/],
    ["policy: {model: stage:lm, revision: main}\n", /revision main of a stage's model/],
    [
      "reward: {kind: classifier, model: stage:lm}\n",
      /a language model.*classifier or reward_model/,
    ],
    ["reward: [{kind: length}, {kind: classifier, model: stage:gone}]\n", /no stage gone/],
    ["arms: {rlhf: {reward: {kind: classifier, model: stage:gone}}}\n", /no stage gone/],
  ])("that %s names wrongly are refused at its line", (text, words) => {
    const message = refusal(`stages:\n${lm}${text}`);
    expect(message).toMatch(words);
    expect(message).toMatch(/\.yaml:5:\d+: /);
  });

  test.each([
    ["both: {kind: classifier, steps: 1, epochs: 1}", "both steps and epochs"],
    ["none: {kind: classifier}", "neither steps nor epochs"],
    [
      "odd: {kind: classifier, steps: 1, base: {architecture: gpt2, width: 10, heads: 3}}",
      "3 heads",
    ],
    ["data: {kind: classifier, steps: 1, data: {path: builtin, hub: x/y, sources: []}}", "sources"],
    ["path: {kind: classifier, steps: 1, data: ./nowhere}", "./nowhere"],
    ["model: {kind: classifier, steps: 1, base: ./nowhere}", "./nowhere"],
    ["kind: {kind: clasifier, steps: 1}", "clasifier"],
    ["key: {kind: classifier, step: 1}", "step"],
  ])("of %s are refused", (stage, words) => {
    expect(refusal(`stages:\n  ${stage}\n`)).toContain(words);
  });

  test("that go on from each other are refused", () => {
    const message = refusal(
      "stages:\n" +
        "  a: {kind: classifier, steps: 1, base: stage:b}\n" +
        "  b: {kind: language_model, steps: 1, base: stage:a}\n" +
        "  c: {kind: language_model, steps: 1, base: stage:a}\n",
    );
    expect(message).toContain("a circle: a, b go on from each other");
  });
});

describe("references", () => {
  test("are found wherever a key names a model, in lists and in bytes' neighbours", () => {
    const tree = {
      policy: { model: "stage:lm" },
      rewards: [{ scorer: { model: "stage:tox" } }, { scorer: { url: "stage:no" } }],
      prompts: new Uint8Array([1]),
    };
    expect(stageReferences(tree)).toEqual([
      { path: ["policy", "model"], name: "lm" },
      { path: ["rewards", "0", "scorer", "model"], name: "tox" },
    ]);
    const replaced = withStagesReplaced(tree, (name) => `/kept/${name}`);
    expect(replaced).toEqual({
      ...tree,
      policy: { model: "/kept/lm" },
      rewards: [{ scorer: { model: "/kept/tox" } }, tree.rewards[1]],
    });
    expect(replaced.prompts).toBe(tree.prompts);
  });

  test("are built after what they go on from, each once", () => {
    const on = (model: string) => ({ base: { model, revision: null, trust_remote_code: false } });
    const stages = { c: on("stage:b"), b: on("stage:a"), a: on("builtin"), d: on("stage:a") };
    expect(inBuildOrder(stages, ["c", "d"])).toEqual(["a", "b", "c", "d"]);
    expect(() => inBuildOrder({ a: on("stage:a") }, ["a"])).toThrow(RangeError);
    expect(() => inBuildOrder(stages, ["gone"])).toThrow(RangeError);
  });
});
