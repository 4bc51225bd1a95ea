import { describe, expect, test } from "vitest";
import { samplingViolations } from "../../src/config/sampling-checks.js";
import type { ArmConfig } from "../../src/config/schema/experiment.js";
import { smallExperiment } from "../engine/experiments.js";

type Arm = {
  readonly [S in "sampling" | "risk" | "training" | "kl"]?: Partial<ArmConfig[S]>;
};

/** First key and what was found, of every violation; batches have 16 prompts. */
const violations = (arm: Arm) =>
  samplingViolations(smallExperiment({ arms: { mine: { stage: "rl", ...arm } } }).arms.mine!).map(
    ({ keys, found, remedy }) => `${keys[0]}: ${found}. ${remedy}`,
  );

describe("settings that fit", () => {
  test.each<Arm>([
    {},
    { sampling: { strategy: "stratified" } },
    { sampling: { strategy: "stratified", importance: "weights" } },
    { sampling: { strategy: "stratified", batch_fraction: 1 } },
    { sampling: { strategy: "cross-entropy" } },
    { sampling: { strategy: "cross-entropy", batch_fraction: 0 } },
    { sampling: { strategy: "replay", importance: "weights" }, risk: { measure: "entropic" } },
    { sampling: { strategy: "uniform", batch_fraction: 0.001 } },
    { sampling: { strategy: "stratified" }, kl: { form: "loss", weights: "smooth" } },
    { sampling: { strategy: "cross-entropy" }, kl: { form: "loss", weights: "smooth" } },
    { kl: { form: "loss", weights: "smooth" } },
    { sampling: { strategy: "replay" }, kl: { form: "loss", weights: "sqrt" } },
    { sampling: { strategy: "replay" }, kl: { weights: "smooth" } },
  ])("%j", (arm) => {
    expect(violations(arm)).toEqual([]);
  });
});

describe("settings that do not", () => {
  test.each<[Arm, RegExp]>([
    [
      { sampling: { strategy: "replay", batch_fraction: 0.01 } },
      /^sampling.batch_fraction: .* 0 of 16 prompts\. Raise/,
    ],
    [
      { sampling: { strategy: "replay", batch_fraction: 0.99 } },
      /^sampling.batch_fraction: .* 16 of 16 prompts\. Lower/,
    ],
    [
      { sampling: { strategy: "stratified", batch_fraction: 1, importance: "weights" } },
      /^sampling.importance: a tail over the natural mix .* hard prompts alone/,
    ],
    [
      { sampling: { strategy: "stratified", batch_fraction: 1 }, kl: { form: "loss" } },
      /^kl.weights: a KL loss over the natural mix .*set kl.weights to sampled/,
    ],
    ...(["sqrt", "smooth"] as const).map((weights): [Arm, RegExp] => [
      { sampling: { strategy: "stratified", batch_fraction: 1 }, kl: { form: "loss", weights } },
      /^kl.weights: a KL loss over the natural mix .*set kl.weights to sampled/,
    ]),
    [
      { sampling: { strategy: "replay" }, kl: { form: "loss", weights: "smooth" } },
      /^kl.weights: kl.weights smooth with the strategy replay, .* scores\. Set kl.weights to natural/,
    ],
    [
      { sampling: { strategy: "uniform", importance: "weights" } },
      /^sampling.importance: importance weights with the strategy uniform, where every one .* 1/,
    ],
  ])("%j", (arm, expected) => {
    expect(violations(arm)).toEqual([expect.stringMatching(expected)]);
  });
});
