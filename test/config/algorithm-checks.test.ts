import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { ConfigError } from "../../src/config/problems.js";
import { scratchFile } from "./scratch-files.js";

function refusal(training: string, rest = "", arm = "rlhf"): string[] {
  const yaml = `name: mine\narms: [${arm}]\ntraining: {${training}}\n${rest}`;
  try {
    loadExperiment(scratchFile(yaml), []);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.message.split("\n").map((line) => line.replace(/^\/\S*\//, ""));
    }
    throw error;
  }
  return [];
}

describe("completions", () => {
  test.each([
    "algorithm: rloo, completions: 2",
    "algorithm: grpo, completions: 8",
    "algorithm: grpo, completions: 128",
    "algorithm: reinforce",
    "algorithm: reinforce, completions: 4",
    "completions: 4",
  ])("are sound: %s", (training) => {
    expect(refusal(training)).toEqual([]);
  });

  test.each(["rloo", "grpo"])("of %s are at least 2", (algorithm) => {
    expect(refusal(`algorithm: ${algorithm}`)).toEqual([
      `x.yaml:3:23: training.algorithm: found 1 completion per prompt with the algorithm ${algorithm}, ` +
        "expected at least 2: an episode is compared with the prompt's other completions. " +
        "Set training.completions to 8, say, or training.algorithm to ppo or reinforce.",
    ]);
  });

  test.each([
    [
      "completions: 6, batch: 128",
      "Set training.batch to 126 or 132, or training.completions to 4 or 8.",
    ],
    ["completions: 8, batch: 4", "Set training.batch to 8, or training.completions to 4."],
    ["completions: 5, batch: 7", "Set training.batch to 5 or 10, or training.completions to 7."],
  ])("divide the batch: %s", (training, remedy) => {
    const [line, ...others] = refusal(`algorithm: grpo, ${training}`);
    expect(others).toEqual([]);
    expect(line).toContain("x.yaml:3:");
    expect(line).toContain(remedy);
  });
});

test("only a critic's advantages are whitened over the batch", () => {
  expect(refusal("whiten: batch")).toEqual([]);
  expect(refusal("whiten: batch, algorithm: reinforce")).toEqual([
    expect.stringMatching(
      /^x.yaml:3:\d+: training.whiten: found whiten batch with the algorithm reinforce.*ppo alone/,
    ),
  ]);
});

test("without a critic there is no λ-return to rank by, and no prefix to value", () => {
  const risk = "risk: {statistic: lambda-return}\n";
  expect(refusal("algorithm: reinforce", risk)).toEqual([]);
  expect(refusal("algorithm: reinforce, prefix_baseline: true", risk, "ra-rlhf")).toEqual([
    expect.stringMatching(
      /^x.yaml:3:51: training.prefix_baseline: .*expected a prefix baseline with ppo/,
    ),
    expect.stringMatching(/^x.yaml:4:19: risk.statistic: .*Set risk.statistic to return/),
  ]);
});

test("an episode is compared with another one", () => {
  expect(refusal("algorithm: reinforce, batch: 1")).toEqual([
    expect.stringContaining("a batch of 1 episode with the algorithm reinforce"),
  ]);
});

test("a KL loss is on every episode", () => {
  expect(refusal("algorithm: ppo", "kl: {form: loss, population: kept-over-batch}\n")).toEqual([
    expect.stringMatching(/^x.yaml:4:30: kl.population: .*Leave kl.population out/),
  ]);
  expect(
    refusal("algorithm: grpo, completions: 2", "kl: {population: kept-over-batch}\n"),
  ).toHaveLength(1);
  expect(refusal("algorithm: ppo", "kl: {form: loss, population: batch}\n")).toEqual([]);
});

describe("β in units of the reward", () => {
  const kl = "kl: {form: loss, unit: reward}\n";

  test.each([
    "algorithm: ppo",
    "algorithm: rloo, completions: 2",
    "algorithm: reinforce",
    "algorithm: grpo, completions: 2, scale_rewards: none",
    "algorithm: grpo, completions: 2, scale_rewards: batch",
  ])("needs advantages in them, or one number that divides all: %s", (training) => {
    expect(refusal(training, kl)).toEqual([]);
    expect(refusal(training, kl, "ra-rlhf")).toEqual([]);
  });

  test("is refused where each prompt is divided by its own, or advantages are 0 and 1", () => {
    expect(refusal("algorithm: grpo, completions: 2", kl)).toEqual([
      expect.stringMatching(
        /^x.yaml:4:24: kl.unit: found .*deviation of its own prompt.*training.scale_rewards to none/,
      ),
    ]);
    expect(refusal("algorithm: raft, completions: 2, epochs: 1", kl)).toEqual([
      expect.stringMatching(/kl.unit: found .*advantages are 0 and 1.*Set kl.unit to advantage\.$/),
    ]);
    const returned = "kl: {form: return, unit: reward}\n";
    expect(refusal("algorithm: grpo, completions: 2", returned)).toEqual([]);
  });

  test("where the arm's preset sets it, the refusal names the key that changes it", () => {
    const training = "algorithm: grpo, completions: 2";
    // The section's key is not the arm's, so to set it changes nothing and is not blamed.
    for (const section of ["", "kl: {unit: advantage}\n"]) {
      expect(refusal(training, section, "hard-kl")).toEqual([
        expect.stringMatching(
          /^x.yaml:3:23: training.algorithm: .*The arm hard-kl sets kl.unit itself: change arms.hard-kl.kl.unit, or/,
        ),
      ]);
    }
    const yaml = `name: mine\narms: {hard-kl: {kl: {unit: advantage}}}\ntraining: {${training}}\n`;
    expect(() => loadExperiment(scratchFile(yaml), [])).not.toThrow();
  });

  test("is that of signed advantages, which grpo does not divide", () => {
    const signed = `${kl}risk: {measure: cvar-policy-gradient}\n`;
    expect(refusal("algorithm: grpo, completions: 2", signed, "ra-rlhf")).toEqual([]);
  });
});

test("prompts that are never drawn cannot be weighted up", () => {
  const sampling = "sampling: {strategy: stratified, batch_fraction: 1}\n";
  expect(refusal("batch: 8", `kl: {form: loss}\n${sampling}`)).toEqual([
    expect.stringMatching(/^x.yaml:5:50: sampling.batch_fraction: .*set kl.weights to sampled/),
  ]);
  expect(refusal("batch: 8", `kl: {form: loss, weights: sampled}\n${sampling}`)).toEqual([]);
});

test("strata are of prompts: a fraction of one prompt is none", () => {
  const sampling = "sampling: {strategy: stratified, batch_fraction: 0.4}\n";
  expect(refusal("algorithm: grpo, completions: 64, batch: 64", sampling)).toEqual([
    expect.stringContaining("a batch_fraction of 0.4, which is 0 of 1 prompts"),
  ]);
});
