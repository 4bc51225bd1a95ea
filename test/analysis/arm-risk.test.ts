import { describe, expect, test } from "vitest";
import { algorithmWords, riskRecord, riskRole, riskWords } from "../../src/analysis/arm-risk.js";
import type { ArmConfig, RiskConfig } from "../../src/config/schema/experiment.js";
import { riskMeasureNames, usesAlpha } from "../../src/risk/measures/registry.js";
import { smallExperiment } from "../engine/experiments.js";

function armOf(risk: Partial<RiskConfig>, sampling: object = {}): ArmConfig {
  return smallExperiment({ arms: { mine: { risk, sampling } } }).arms.mine!;
}

function record(risk: Partial<RiskConfig>) {
  return riskRecord(armOf(risk));
}

test("an arm that decodes in its own way is a control, told by how it does", () => {
  const [arm] = Object.values(
    smallExperiment({ arms: { mine: { decoding: { best_of: 4, instruction: "Be kind." } } } }).arms,
  );
  expect(riskRole(arm!)).toBe("control");
  expect(riskWords(arm!)).toBe("control: instruction, best of 4");
});

describe("an arm's risk", () => {
  test("is spelt out", () => {
    expect(record({})).toMatchObject({
      measure: "cvar",
      alpha: 0.5,
      statistic: "return",
      kl_in_statistic: true,
      kl_in_return: true,
      warmup: 2,
      rho: 0.8,
      iterations: 6,
      // ⌈0.8 · 6⌉
      alpha_from_iteration: 5,
      answers: "weights",
      component: null,
      settings: {},
    });
  });

  test.each([
    ["return", true],
    ["lambda-return", true],
    ["reward", false],
    ["prompt-score", false],
  ] as const)("ranked by %s has the KL in it: %s", (statistic, kl) => {
    expect(record({ statistic }).kl_in_statistic).toBe(kl);
  });

  test("has α from the start under a constant schedule, and no warm start there", () => {
    expect(record({ annealing: "constant" })).toMatchObject({
      alpha_from_iteration: 0,
      warmup: null,
      rho: null,
    });
  });

  test.each(riskMeasureNames)("of %s names the settings that it reads, and no other", (measure) => {
    const { alpha, warmup, rho, alpha_from_iteration } = record({ measure });
    const read = [alpha, warmup, rho, alpha_from_iteration].map((value) => value !== null);
    expect(read).toEqual(Array(4).fill(usesAlpha(measure)));
  });

  test("has the settings that one measure alone reads", () => {
    expect(record({ measure: "entropic", temperature: 3 }).settings).toEqual({ temperature: 3 });
    expect(record({ measure: "mean-cvar", mixture: 0.3 }).settings).toEqual({ mixture: 0.3 });
    expect(record({ measure: "random-drop" }).statistic).toBeNull();
  });
});

describe("an arm's algorithm", () => {
  const grpo = smallExperiment({
    arms: { mine: { training: { algorithm: "grpo", completions: 8 } }, other: {} },
  }).arms;

  test("is told with its completions, where there are several", () => {
    expect(Object.values(grpo).map(algorithmWords)).toEqual([
      "grpo, 8 completions per prompt",
      "ppo",
    ]);
  });

  test("is told with its steps and its whitening, where they are not the usual ones", () => {
    const training = { steps: "fixed", whiten: "batch", minibatch: 5 } as const;
    const { mine } = smallExperiment({ arms: { mine: { training } } }).arms;
    expect(algorithmWords(mine!)).toBe("ppo, gradient steps fixed, whitened over the batch");
    expect(riskRecord(mine!)).toMatchObject({
      gradient_steps: "4 per epoch, whatever is kept",
      advantages: expect.stringContaining("the batch's tokens"),
    });
    expect(riskRecord(grpo.other!).gradient_steps).toBe("per epoch ⌈episodes that take part / 8⌉");
  });

  test("decides whether the KL is in return and statistic", () => {
    expect(riskRecord(grpo.mine!)).toMatchObject({
      algorithm: "grpo",
      kl_in_return: false,
      kl_in_statistic: false,
      advantages: expect.stringContaining("mean of the prompt's completions"),
    });
    expect(riskRecord(grpo.other!)).toMatchObject({ algorithm: "ppo", kl_in_return: true });
  });
});

describe("an arm's part in comparisons", () => {
  const hard = { strategy: "stratified", batch_fraction: 0.5 };
  const entropy = { strategy: "cross-entropy" };
  const back = "hard prompts more often, weighted back";
  test.each([
    [{}, {}, "averse", "risk-averse: CVaR"],
    [{ alpha: 1 }, {}, "neutral", "risk-neutral: CVaR"],
    [{ measure: "mean" }, {}, "neutral", "risk-neutral: mean"],
    [{ measure: "mean" }, hard, "averse", "risk-averse: mean, hard prompts more often"],
    [
      { measure: "mean" },
      { strategy: "replay" },
      "averse",
      "risk-averse: mean, hard prompts more often",
    ],
    // Weighted back to the natural mix, the objective is what it is without a sampler.
    [
      { measure: "mean" },
      { ...hard, importance: "weights" },
      "neutral",
      `risk-neutral: mean, ${back}`,
    ],
    [{}, entropy, "averse", `risk-averse: CVaR, ${back}`],
    [{ measure: "mean" }, entropy, "neutral", `risk-neutral: mean, ${back}`],
    [
      { measure: "mean" },
      { ...entropy, importance: "off" },
      "averse",
      "risk-averse: mean, hard prompts more often",
    ],
    [{ measure: "mean-cvar", mixture: 0 }, {}, "neutral", "risk-neutral: mean-CVaR"],
    [{ measure: "entropic", alpha: 1 }, {}, "averse", "risk-averse: entropic"],
    [{ measure: "random-drop" }, {}, "control", "control: random drop"],
  ] as const)("%j %j: %s, %s", (risk, sampling, role, words) => {
    expect(riskRole(armOf(risk, sampling))).toBe(role);
    expect(riskWords(armOf(risk, sampling))).toBe(words);
  });

  test("has none without RL", () => {
    const { sft } = smallExperiment({ arms: { sft: {}, rlhf: {} } }).arms;
    expect(riskRole(sft!)).toBeNull();
    expect(riskWords(sft!)).toBe("sft");
  });
});
