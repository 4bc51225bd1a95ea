import { describe, expect, test } from "vitest";
import { betaQuantile } from "../../src/stats/beta.js";
import {
  dkwBand,
  orderStatisticsBand,
  simultaneousCoverage,
} from "../../src/stats/order-statistics.js";
import { generator } from "../../src/stats/random.js";

describe("the probability that all bounds hold", () => {
  // Failure probabilities by Bolshev's recursion with 120 digits.
  test.each([
    [10, 10, 0.01, 0.0612826957985376],
    [50, 50, 0.003, 0.04625326821545623],
    [40, 4, 0.02, 0.04739627624509773],
    [200, 20, 0.01, 0.05133963870423375],
    [1000, 30, 0.008, 0.04789705812355454],
  ])("n = %d, the first %d ranks, η = %d", (n, k, level, fails) => {
    const ranks = Array.from({ length: k }, (_, index) => index + 1);
    const bounds = ranks.map((rank) => 1 - betaQuantile(level, n - rank + 1, rank));
    expect(1 - simultaneousCoverage(n, ranks, bounds, 0.05)).toBeCloseTo(fails, 11);
  });

  test("a straight line has the closed form of Birnbaum and Tingey", () => {
    const n = 20;
    const margin = Math.sqrt(Math.log(20) / (2 * n));
    let fails = 0;
    let choose = 1;
    for (let j = 0; j <= Math.floor(n * (1 - margin)); j += 1) {
      const x = margin + j / n;
      fails += choose * (1 - x) ** (n - j) * x ** (j - 1);
      choose *= (n - j) / (j + 1);
    }
    const { ranks, bounds } = dkwBand(n, 0.05);
    const covered = simultaneousCoverage(n, ranks, bounds, 0.05);
    expect(1 - covered).toBeCloseTo(margin * fails, 11);
    expect(covered).toBeGreaterThan(0.95);
  });
});

describe("the band", () => {
  test.each([
    [1, 0.05, 1],
    [60, 0.05, 0.1],
    [300, 0.01, 1],
    [15_000, 0.05, 0.1],
  ])("of n = %d, δ = %d, α = %d holds with probability 1 − δ", (n, delta, alpha) => {
    const { ranks, bounds } = orderStatisticsBand(n, delta, alpha);
    const fails = 1 - simultaneousCoverage(n, ranks, bounds, delta);
    expect(fails).toBeLessThanOrEqual(delta + 1e-12);
    expect(fails).toBeGreaterThan(0.995 * delta);
    expect(ranks[ranks.length - 1]).toBe(Math.ceil(alpha * n));
  });

  test("fails on uniform numbers as often as it says", () => {
    const n = 50;
    const { ranks, bounds } = orderStatisticsBand(n, 0.2, 1);
    const random = generator(5);
    const draws = 4000;
    let failed = 0;
    for (let draw = 0; draw < draws; draw += 1) {
      const sorted = Float64Array.from({ length: n }, random).sort();
      failed += sorted.some((value, index) => value > bounds[index]!) ? 1 : 0;
    }
    expect(ranks.length).toBe(n);
    // Four standard errors.
    expect(Math.abs(failed / draws - 0.2)).toBeLessThan(4 * Math.sqrt((0.2 * 0.8) / draws));
  });
});
