import { describe, expect, test } from "vitest";
import type { Comparison } from "../../src/analysis/evaluation.js";
import { compareArms, renderComparison } from "../../src/report/comparison.js";
import {
  comparisonText,
  placeText,
  powerText,
  testText,
  verdictOf,
} from "../../src/report/comparison-words.js";
import { fixtureRun } from "./fixture.js";

const base: Comparison = {
  a: "ra-rlhf",
  b: "rlhf",
  metric: "tail_reward",
  at: "equal-kl",
  where: 4.5,
  difference: 0.5,
  ci95: [0.2, 0.8],
  seeds: 5,
  ci95_prompts: null,
  ci95_hierarchical: null,
  p: 0.01,
  p_holm: 0.03,
  effect_size: 1.9,
  probability_of_improvement: null,
  power: { difference: 0.5, seeds_needed: 5, detectable: 0.49 },
};
const style = { unicode: true };

describe("the verdict on a difference", () => {
  test("is decided by the p-value after Holm's correction, in the metric's own direction", () => {
    expect(verdictOf(base)).toBe("better");
    expect(verdictOf({ ...base, difference: -0.5, ci95: [-0.8, -0.2] })).toBe("worse");
    expect(verdictOf({ ...base, metric: "harm_rate" })).toBe("worse");
    expect(verdictOf({ ...base, p_holm: 0.05 })).toBe("undecided");
    // Its own interval excludes 0: not enough where twelve were looked at.
    expect(verdictOf({ ...base, p_holm: 0.12 })).toBe("undecided");
  });

  test("tells its p-values and what it would take", () => {
    expect(testText(base, style)).toBe("p 0.010, after Holm 0.030, d_z +1.9");
    expect(testText({ ...base, p: 0.0001, p_holm: 0.24, effect_size: null }, style)).toBe(
      "p < 0.001, after Holm 0.24",
    );
    expect(testText({ ...base, p: null }, style)).toBe("");
    expect(powerText({ difference: 0.3, seeds_needed: 9, detectable: 1 }, "tail_reward")).toBe(
      "to see a difference of 0.30 with 80 % power, 9 seeds are needed",
    );
    expect(powerText({ difference: 0.012, seeds_needed: 4000, detectable: 1 }, "harm_rate")).toBe(
      "to see a difference of 1.2 with 80 % power, over 1000 seeds are needed",
    );
    expect(powerText({ difference: 0, seeds_needed: null, detectable: 1 }, "harm_rate")).toBe("");
  });

  test("is never decided by one seed, whatever its prompts say", () => {
    const none = { p: null, p_holm: null, effect_size: null, power: null };
    const single = {
      ...base,
      ...none,
      seeds: 1,
      ci95: null,
      ci95_prompts: [0.3, 0.6] as [number, number],
    };
    expect(verdictOf(single)).toBe("undecided");
    expect(comparisonText(single, style)).toBe(
      "+0.50 (over prompts [+0.30, +0.60]), one seed: undecided",
    );
  });

  test("is unknown where the curves have nothing in common", () => {
    const none = { ...base, difference: null, ci95: null };
    expect(verdictOf(none)).toBe("unknown");
    expect(comparisonText(none, style)).toBe("no common range");
  });

  test("reads as a difference with its interval, in the metric's unit", () => {
    expect(comparisonText(base, style)).toBe("+0.50 [+0.20, +0.80] better");
    const harm = {
      ...base,
      metric: "harm_rate",
      difference: -0.02,
      ci95: [-0.031, -0.01] as [number, number],
    };
    expect(comparisonText(harm, style)).toBe("−2.0 [−3.1, −1.0] better");
  });

  test("says where it was read", () => {
    expect(placeText(base, style)).toBe("KL 2.3 to 4.5 nats");
    expect(placeText({ ...base, at: "equal-compute", where: 1_230_000 }, style)).toBe(
      "1.23 M tokens",
    );
    expect(placeText({ ...base, at: "equal-iterations", where: null }, style)).toBe("");
  });
});

describe("arms side by side", () => {
  const { arms } = fixtureRun({ seeds: [0, 1, 2] }).evaluation;
  const rows = Object.entries(arms).map(([label, arm]) => ({ label, scale: {}, ...arm }));

  test("are each set against the first, seed by seed", () => {
    const [first, second] = compareArms(rows);
    expect(first!.againstFirst).toEqual({});
    const { difference, seeds } = second!.againstFirst.tail_reward!;
    const [a, b] = [arms.rlhf!.metrics.tail_reward!.mean, arms.sft!.metrics.tail_reward!.mean];
    expect(difference).toBeCloseTo(a - b, 10);
    expect(seeds).toBe(3);
  });

  const armOf = (label: string, seeds: number[], per_seed: number[], scale = {}) => ({
    label,
    seeds,
    scale,
    metrics: { tail_reward: { mean: 0, sd: null, ci95: null, per_seed } },
  });

  test("pair only the seeds that both have", () => {
    const [, other] = compareArms([
      armOf("a", [0, 1, 2, 3], [1, 2, 3, 4]),
      armOf("b", [1, 2, 3, 4], [5, 6, 7, 9]),
    ]);
    const { difference, seeds } = other!.againstFirst.tail_reward!;
    expect([difference, seeds]).toEqual([3, 3]);
  });

  test("have no difference in a metric that some seed lacks", () => {
    const [, other] = compareArms([armOf("a", [0, 1, 2], [1]), armOf("b", [0, 1, 2], [5, 9, 7])]);
    expect(other!.againstFirst).toEqual({});
  });

  test("have no difference with fewer than three seeds in common, and are told why", () => {
    const few = compareArms([armOf("a", [0, 1, 2], [1, 2, 3]), armOf("b", [1, 2], [5, 9])]);
    expect(few[1]!.againstFirst).toEqual({});
    const text = renderComparison(few, { width: 80, unicode: true, color: false });
    expect(text).toContain(
      "b − a: no difference is shown, 2 seeds in common; at least 3 are needed",
    );
    expect(text).not.toContain("paired by seed");
  });

  test("of different scales are marked, paired with nothing, and told what differs", () => {
    const rows = compareArms([
      armOf("a", [0, 1, 2], [1, 2, 3], { "reward.sign": 1, "data.path": "builtin" }),
      armOf("b", [0, 1, 2], [1, 2, 3], { "reward.sign": -1, "data.path": "builtin" }),
      armOf("c", [0, 1, 2], [2, 3, 4], { "reward.sign": 1 }),
    ]);
    expect(rows.map(({ againstFirst }) => Object.keys(againstFirst))).toEqual([
      [],
      [],
      ["tail_reward"],
    ]);
    const text = renderComparison(rows, { width: 80, unicode: true, color: false });
    expect(text).toMatch(/^b, not comparable +0\.00$/m);
    expect(text).toContain("b is not comparable with a: reward.sign 1 and -1");
    expect(text.split("paired by seed")[1]).not.toMatch(/^b +[+−]/m);
  });

  test("print as figures, then differences with intervals", () => {
    const text = renderComparison(compareArms(rows.slice(0, 2)), {
      width: 80,
      unicode: true,
      color: false,
    });
    expect(text).toMatchInlineSnapshot(`
      "arm   reward   tail  CVaR₀.₁  harm %   ppl  Dist-2  length  sec
      ───────────────────────────────────────────────────────────────
      sft     0.11  −2.75    −3.00    10.2  41.0   0.830    46.5   40
             ±0.05  ±0.18    ±0.15    ±0.4  ±0.0  ±0.000    ±0.0   ±0
      rlhf    1.70  −1.56    −1.75     3.9  44.8   0.773    47.0  160
             ±0.10  ±0.25    ±0.23    ±1.4  ±0.0  ±0.000    ±0.0   ±0
      ±: standard deviation over 3 seeds

      minus sft, paired by seed:
      arm           reward            tail         CVaR₀.₁        harm %           ppl
      ────────────────────────────────────────────────────────────────────────────────
      rlhf           +1.59           +1.19           +1.25          −6.3          +3.8
            [+1.37, +1.81]  [+0.97, +1.41]  [+1.00, +1.50]  [−9.7, −2.8]  [+3.8, +3.8]
      [ ]: 95 % interval of the mean over 3 seeds
      left out, the terminal is too narrow: Dist-2, length, seconds
      rlhf − sft, tail reward: p 0.002, after Holm 0.005, d_z +13.5: differ"
    `);
  });
});
