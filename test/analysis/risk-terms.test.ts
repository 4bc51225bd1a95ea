import { describe, expect, test } from "vitest";
import { riskTerms } from "../../src/analysis/risk-terms.js";
import type { RiskConfig } from "../../src/config/schema/experiment.js";
import { smallExperiment } from "../engine/experiments.js";

function terms(risk: Partial<RiskConfig>) {
  return riskTerms(smallExperiment({ arms: { mine: { risk } } }).arms.mine!);
}

describe("an arm's risk", () => {
  test("is spelt out", () => {
    expect(terms({})).toMatchObject({
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
      mixture: null,
      temperature: null,
    });
  });

  test.each([
    ["return", true],
    ["lambda-return", true],
    ["reward", false],
    ["prompt-score", false],
  ] as const)("ranked by %s has the KL in it: %s", (statistic, kl) => {
    expect(terms({ statistic }).kl_in_statistic).toBe(kl);
  });

  test("has α from the start under a constant schedule, and none where nothing is ranked", () => {
    expect(terms({ schedule: "constant" }).alpha_from_iteration).toBe(0);
    expect(terms({ measure: "mean" }).alpha_from_iteration).toBeNull();
    expect(terms({ measure: "entropic", temperature: 3 })).toMatchObject({
      alpha_from_iteration: null,
      temperature: 3,
    });
    expect(terms({ measure: "mean-cvar", mixture: 0.3 }).mixture).toBe(0.3);
  });
});
