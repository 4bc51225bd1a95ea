/** `evaluation.toxicity`, `fluency` and `capability`: defaults, and what cannot be measured. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../../src/config/load.js";
import { ConfigError, problemLine } from "../../../src/config/problems.js";
import { resolvedExperiment } from "../../../src/config/resolved-experiment.js";
import { toxicityScorer } from "../../../src/config/rewards/toxicity.js";
import { scratchFile, scratchFolder } from "../scratch-files.js";

function load(evaluation: string, rest = "", set: string[] = []) {
  return loadExperiment(scratchFile(`name: t\n${rest}evaluation:\n${evaluation}`), set).experiment;
}

function problems(evaluation: string, rest = ""): string[] {
  try {
    load(evaluation, rest);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(problemLine);
    throw error;
  }
  return [];
}

const judge = "  judges: [{name: harm, kind: python, function: 'scores:harm', sign: -1}]\n";

describe("evaluation.toxicity", () => {
  test("has the literature's settings unless others are given", () => {
    const { toxicity, fluency, capability } = load("  toxicity: {}\n").evaluation;
    expect(toxicity).toEqual({
      scorer: null,
      prompts: 1000,
      completions: 25,
      new_tokens: 20,
      top_p: 0.9,
      temperature: 1,
      threshold: 0.5,
    });
    expect([fluency, capability]).toEqual([null, null]);
    const overridden = load("  toxicity: {}\n", "", ["evaluation.toxicity.prompts=50"]);
    expect(overridden.evaluation.toxicity!.prompts).toBe(50);
    expect(
      load("  samples: 1\n", "", ["evaluation.toxicity.prompts=50"]).evaluation.toxicity,
    ).toMatchObject({ prompts: 50, completions: 25 });
    expect(resolvedExperiment(JSON.parse(JSON.stringify(overridden)))).toEqual(overridden);
  });

  test("is scored by the first judge, without one by the only component, or by name", () => {
    const scorer = (evaluation: string, rest = "") => {
      const { evaluation: own, arms } = load(evaluation, rest);
      return toxicityScorer(own, arms["ra-rlhf"]!);
    };
    expect(scorer("  toxicity: {}\n")?.config.name).toBe("judge");
    expect(scorer(`  toxicity: {}\n${judge}`)).toMatchObject({
      config: { name: "harm", kind: "python", text: "completion", sign: -1 },
      limitKey: "evaluation.judges.0.max_failed_fraction",
    });
    expect(scorer("  judges: []\n  toxicity: {}\n")).toMatchObject({
      config: { name: "reward", output: "probability", text: "completion" },
      limitKey: "reward.max_failed_fraction",
    });
    const two = "reward: [{name: a}, {name: b, weight: 0.5, output: logit}]\n";
    expect(
      scorer("  harm_threshold: 0\n  judges: []\n  toxicity: {scorer: b}\n", two),
    ).toMatchObject({
      config: { name: "b", output: "probability" },
      limitKey: "reward.1.max_failed_fraction",
    });
  });

  test.each([
    [
      "  toxicity: {scorer: hram}\n",
      "",
      "hram, which is no judge, and no reward component",
      "judge, reward",
    ],
    [
      "  harm_threshold: 0\n  judges: []\n  toxicity: {}\n",
      "reward: [{name: a}, {name: b}]\n",
      "no scorer, no judge and several reward components",
      "one of a, b",
    ],
    [
      "  judges: [{name: long, kind: length}]\n  toxicity: {}\n",
      "",
      "long of kind length, whose scores are no probabilities",
      "classifier, python, http",
    ],
    [
      "  toxicity: {scorer: reward}\n",
      "arms: {sft: {}, rlhf: {reward: {sign: -1}}}\n",
      "another scorer in the arm rlhf than in sft",
      "the same scorer for all arms",
    ],
    ["  toxicity: {threshold: 1}\n", "", "evaluation.toxicity.threshold", "under 1"],
    ["  toxicity: {completion: 3}\n", "", "unknown key", "evaluation.toxicity.completions"],
    ["  fluency: {}\n", "", "evaluation.fluency.model", "found nothing"],
    ["  capability: {tasks: []}\n", "", "evaluation.capability.tasks", ""],
  ])("%s%s is refused", (evaluation, rest, found, expected) => {
    const [line = ""] = problems(evaluation, rest);
    expect(line).toContain(found);
    expect(line).toContain(expected);
  });

  test("one classifier has one label here, whatever the reward does with several", () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, "tox"));
    const file = join(folder, "t.yaml");
    writeFileSync(
      file,
      "name: t\nreward: {model: tox, label: [a, b], output: margin, sign: -1}\n" +
        "evaluation: {harm_threshold: 0, toxicity: {}}\n",
    );
    expect(() => loadExperiment(file, [])).toThrow("reward with 2 labels (a, b)");
  });
});

test("the fluency model's folder is found beside the file, and missed by its key", () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, "large"));
  const file = join(folder, "t.yaml");
  writeFileSync(file, "name: t\nevaluation: {fluency: {model: large}}\n");
  const { experiment, written } = loadExperiment(file, []);
  expect(experiment.evaluation.fluency!.model).toBe(join(folder, "large"));
  expect(written["evaluation.fluency.model"]).toBe("large");
  writeFileSync(file, "name: t\nevaluation: {fluency: {model: ./lagre}}\n");
  expect(() => loadExperiment(file, [])).toThrow("Did you mean large?");
});
