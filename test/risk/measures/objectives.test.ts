/** Closed forms, invariances, and thresholds that are solved or followed. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { regularisedOptimum, solvedThreshold } from "../../../src/risk/hinge-threshold.js";
import { riskMeasureNames, riskMeasures } from "../../../src/risk/measures/registry.js";
import { conditionalValueAtRisk, valueAtRisk } from "../../../src/risk/tail.js";
import { followedQuantile } from "../../../src/risk/tracked.js";
import { normalQuantile } from "../../../src/stats/normal.js";
import { numbersOf, riskInput } from "./inputs.js";

const signed = riskMeasureNames.filter((name) => riskMeasures[name].answers === "advantages");
/** Eighths: sums and differences of them are exact. */
const batches = fc
  .array(
    fc.integer({ min: -80, max: 80 }).map((value) => value / 8),
    { minLength: 3, maxLength: 40 },
  )
  .chain((returns) =>
    fc.record({ returns: fc.constant(returns), kept: fc.integer({ min: 2, max: returns.length }) }),
  );

test("CVaR is its Rockafellar–Uryasev form: max over t of t − E[(t − R)⁺]/α", () => {
  fc.assert(
    fc.property(batches, ({ returns, kept }) => {
      const alpha = kept / returns.length;
      const form = (t: number) =>
        t - returns.reduce((sum, value) => sum + Math.max(0, t - value), 0) / kept;
      const best = Math.max(...returns.map(form));
      expect(Math.abs(best - conditionalValueAtRisk(returns, alpha))).toBeLessThan(1e-9);
      expect(Math.abs(form(valueAtRisk(returns, alpha)) - best)).toBeLessThan(1e-9);
    }),
  );
});

describe("on a normal distribution", () => {
  const count = 20_000;
  const returns = Array.from({ length: count }, (_, at) => normalQuantile((at + 0.5) / count));
  const weightedMean = (name: "cvar" | "spectral", kept: number) => {
    const weights = numbersOf(riskMeasures[name], riskInput(returns, { kept }));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return returns.reduce((total, value, at) => total + value * weights[at]!, 0) / sum;
  };

  test("the tail's mean is −φ(Φ⁻¹(α))/α", () => {
    const z = normalQuantile(0.1);
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    expect(weightedMean("cvar", count / 10)).toBeCloseTo(-density / 0.1, 3);
  });

  test("Wang's distortion moves the mean by −η", () => {
    expect(weightedMean("spectral", count)).toBeCloseTo(-0.75, 3);
  });
});

describe.each(signed)("%s", (name) => {
  const of = (returns: readonly number[], kept: number) => [
    ...numbersOf(riskMeasures[name], riskInput(returns, { kept })),
  ];

  test("is blind to a shift of the returns", () => {
    fc.assert(
      fc.property(batches, ({ returns, kept }) => {
        const moved = of(
          returns.map((value) => value + 16),
          kept,
        );
        of(returns, kept).forEach((value, at) => {
          expect(moved[at]).toBeCloseTo(value, 4);
        });
      }),
    );
  });

  test("never pushes a worse episode up by more than a better one", () => {
    fc.assert(
      fc.property(batches, ({ returns, kept }) => {
        const advantages = of(returns, kept);
        const order = [...returns.keys()].sort((a, b) => returns[a]! - returns[b]!);
        for (let at = 1; at < order.length; at += 1) {
          const rise = advantages[order[at]!]! - advantages[order[at - 1]!]!;
          expect(rise).toBeGreaterThanOrEqual(-1e-4);
        }
      }),
    );
  });
});

test.each(["entropic-policy-gradient", "spectral-policy-gradient"] as const)(
  "%s has advantages that sum to 0, and the warm start of CVaR's as well",
  (name) => {
    fc.assert(
      fc.property(batches, ({ returns, kept }) => {
        const sumOf = (measure: typeof name | "cvar-policy-gradient", count: number) =>
          numbersOf(riskMeasures[measure], riskInput(returns, { kept: count })).reduce(
            (sum, value) => sum + value,
            0,
          );
        expect(Math.abs(sumOf(name, kept))).toBeLessThan(1e-3);
        expect(Math.abs(sumOf("cvar-policy-gradient", returns.length))).toBeLessThan(1e-3);
      }),
    );
  },
);

describe("the hinge's threshold", () => {
  const prompt = [0, 0, 0, 0, 1, 1, 1, 1];
  const rewards = [-2, -1, 0, 1, -3, 0.5, 2, 2.5];

  test("solved: no other is better, by a grid", () => {
    for (const [alpha, beta] of [
      [0.25, 0.2],
      [0.5, 1],
      [0.9, 0.05],
    ] as const) {
      const samples = { rewards, prompt, alpha, beta };
      const found = regularisedOptimum(samples, solvedThreshold(samples));
      for (let t = -4; t <= 4; t += 0.01) {
        expect(regularisedOptimum(samples, t)).toBeLessThanOrEqual(found + 1e-9);
      }
    }
  });

  test("solved: its value is CVaR − β·KL of the policy that it leads to, and no policy has more", () => {
    const [alpha, beta] = [0.5, 0.3];
    const own = { rewards: rewards.slice(0, 4), prompt: [0, 0, 0, 0], alpha, beta };
    const t = solvedThreshold(own);
    const objective = (policy: readonly number[]) => {
      // Rewards ascend: the lowest α of the mass.
      let left = alpha;
      let tail = 0;
      for (const [at, mass] of policy.entries()) {
        tail += Math.min(left, mass) * own.rewards[at]!;
        left -= Math.min(left, mass);
      }
      const kl = policy.reduce((sum, mass) => sum + mass * Math.log(mass * 4), 0);
      return tail / alpha - beta * kl;
    };
    const normed = (raw: readonly number[]) => {
      const sum = raw.reduce((total, one) => total + one, 0);
      return raw.map((one) => one / sum);
    };
    const tilt = own.rewards.map((value) => Math.exp(-Math.max(0, t - value) / (alpha * beta)));
    const best = objective(normed(tilt));
    expect(best).toBeCloseTo(regularisedOptimum(own, t), 6);
    const policies = fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), {
      minLength: 4,
      maxLength: 4,
    });
    fc.assert(
      fc.property(policies, (raw) => {
        expect(objective(normed(raw))).toBeLessThanOrEqual(best + 1e-6);
      }),
    );
  });

  test("is not solved without a KL penalty", () => {
    expect(() => solvedThreshold({ rewards, prompt, alpha: 0.5, beta: 0 })).toThrow(/beta is 0/);
  });

  test("followed: comes to the quantile, from either side", () => {
    const returns = Array.from({ length: 1000 }, (_, at) => at / 100);
    for (const start of [-5, 30]) {
      let t = start;
      for (let step = 0; step < 4000; step += 1) {
        t = followedQuantile(returns, t, 0.3, 0.05);
      }
      expect(Math.abs(t - 3)).toBeLessThan(0.2);
    }
  });
});
