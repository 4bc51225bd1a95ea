/** Arms that decode in their own way: presets, stages, and keys that must fit together. */
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { ConfigError } from "../../src/config/problems.js";
import { planTrials } from "../../src/config/trials.js";
import { scratchFile } from "./scratch-files.js";

const load = (yaml: string, overrides: string[] = []) =>
  loadExperiment(scratchFile(`name: mine\n${yaml}`), overrides).experiment;

function refusal(yaml: string, overrides: string[] = []): string[] {
  try {
    load(yaml, overrides);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.message.split("\n").map((line) => line.replace(/^\/\S*\//, ""));
    }
    throw error;
  }
  return [];
}

describe("arms", () => {
  test("known by name have their settings, which an arm may change", () => {
    const { arms } = load("arms: {best-of-n: , prompted: {decoding: {best_of: 2}}, raft: }");
    expect(arms["best-of-n"]).toMatchObject({ stage: "decode", decoding: { best_of: 4 } });
    expect(arms.prompted!.decoding).toMatchObject({
      best_of: 2,
      instruction: expect.stringContaining("polite"),
    });
    expect(arms.raft).toMatchObject({
      stage: "rl",
      training: { algorithm: "raft", completions: 4, epochs: 1 },
      risk: { measure: "mean" },
    });
  });

  test("of other names with keys of decoding are not trained", () => {
    const { arms } = load("arms: {best-of-32: {decoding: {best_of: 32}}, rlhf: }");
    expect(arms["best-of-32"]!.stage).toBe("decode");
    expect(arms.rlhf!.stage).toBe("rl");
  });

  test("start from SFT, which is added where no arm lists it", () => {
    const plan = (yaml: string) =>
      planTrials(load(yaml)).map(({ id, after, reported, iterations }) => [
        id,
        after,
        reported,
        iterations,
      ]);
    expect(plan("arms: [best-of-n, prompted]")).toEqual([
      ["sft-s0", null, false, 0],
      ["best-of-n-s0", "sft-s0", true, 0],
      ["prompted-s0", "sft-s0", true, 0],
    ]);
    expect(plan("arms: [best-of-n, sft]").map(([id]) => id)).toEqual(["sft-s0", "best-of-n-s0"]);
    expect(plan("arms: [best-of-n]\nsft: {steps: 0}")).toEqual([["best-of-n-s0", null, true, 0]]);
  });

  test("are a point of the frontier each", () => {
    const trials = planTrials(load("arms: [sft, rlhf, best-of-n]\nevaluation: {every: 10}"));
    expect(trials.filter(({ startsFrontier }) => startsFrontier).map(({ arm }) => arm)).toEqual([
      "sft",
      "best-of-n",
    ]);
  });
});

describe("refused", () => {
  test.each([
    ["arms: [dexperts]", "decoding that changes nothing"],
    ["arms: {mine: {decoding: {best_of: 1}}}", "decoding that changes nothing"],
    [
      "arms: {dexperts: {decoding: {expert: builtin}}}",
      "decoding.expert without decoding.anti_expert",
    ],
    ["arms: {best-of-n: {decoding: {strength: 3}}}", "decoding.strength without experts"],
    ["arms: {rlhf: {decoding: {best_of: 4}}}", "decoding of the arm rlhf, which trains"],
    [
      "arms: {sft: {decoding: {best_of: 4}}}",
      "decoding of the arm sft, which is evaluated as it is",
    ],
    ["arms: [raft]\ntraining: {batch: 6}", "a batch of 6 episodes with 4 completions"],
    ["arms: {raft: {training: {epochs: 2}}}", "2 epochs with the algorithm raft"],
    [
      "arms: {raft: {training: {completions: 1}}}",
      "1 completion per prompt with the algorithm raft",
    ],
    ["arms: {quark: {kl: {loss: k3}}}", "the estimate k3 of the KL loss with the algorithm quark"],
    ["arms: [quark]\ntraining: {batch: 4}", "5 quantiles of a batch of 4 episodes"],
    ["arms: [lagrangian]", "takes one component as a cost"],
    ["arms: [raft, best-of-n]\nevaluation: {headline: best-of-n}", "does not train with RL"],
    [
      "arms: {dexperts: {decoding: {expert: 'stage:good', anti_expert: 'stage:none'}}}\n" +
        "stages: {good: {kind: language_model, base: {model: builtin}, steps: 1}}",
      "there is no stage none",
    ],
    [
      "arms: {dexperts: {decoding: {expert: 'stage:tox', anti_expert: builtin}}}\n" +
        "stages: {tox: {kind: classifier, base: {model: builtin}, steps: 1}}",
      "expected a stage of kind language_model",
    ],
  ])("%s", (yaml, expected) => {
    expect(refusal(yaml).join("\n")).toContain(expected);
  });

  test("a folder that is not there, in the arm's own key", () => {
    const yaml = "arms: {dexperts: {decoding: {expert: ./none, anti_expert: builtin}}}";
    expect(refusal(yaml)).toEqual([expect.stringContaining("arms.dexperts.decoding.expert")]);
  });

  test("an override of decoding that no arm takes up", () => {
    expect(refusal("arms: [sft, rlhf]", ["decoding.best_of=8"])).toEqual([]);
    expect(refusal("arms: [best-of-n]", ["decoding.best_of=8"])).toEqual([
      expect.stringContaining("--set arms.best-of-n.decoding.best_of"),
    ]);
    expect(refusal("arms: [prompted]", ["decoding.best_of=8"])).toEqual([]);
  });
});
