/** Dual ascent by hand, and what it keeps to on any batch. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { meanCost } from "../../../src/risk/measures/mean-cost.js";
import type { RiskSettings } from "../../../src/risk/measures/risk-measure.js";
import { riskInput } from "./inputs.js";

function answer(
  trained: readonly number[],
  settings: Partial<RiskSettings>,
  memory: { readonly multiplier: number } | null = null,
) {
  return meanCost.rewards(riskInput(trained, { settings, memory }));
}

describe("mean cost", () => {
  test("weighs the component by λ, which rises by what the mean is over its limit", () => {
    // Costs 1, 3, 2, 6: mean 3, two over the limit.
    const settings = { limit: 1, multiplier: 0.5, multiplier_rate: 0.25 };
    const first = answer([-1, -3, -2, -6], settings);
    expect([...first.rewards]).toEqual([-0.5, -1.5, -1, -3]);
    expect(first.memory).toEqual({ multiplier: 1 });
    expect(first.figures).toEqual({ multiplier: 0.5, cost_mean: 3 });
    const second = answer([-1, -3, -2, -6], settings, { multiplier: 1 });
    expect([...second.rewards]).toEqual([-1, -3, -2, -6]);
    expect(second.memory).toEqual({ multiplier: 1.5 });
  });

  test("lets λ fall where the cost is under its limit, and never under 0", () => {
    const settings = { limit: 4, multiplier: 1, multiplier_rate: 0.5 };
    expect(answer([-3], settings).memory).toEqual({ multiplier: 0.5 });
    expect(answer([3], settings).memory).toEqual({ multiplier: 0 });
    expect([...answer([-3], settings, { multiplier: 0 }).rewards].map(Math.abs)).toEqual([0]);
  });

  test("holds the mean cost of a policy that follows λ at the limit", () => {
    // The cost falls by half of λ: at λ = 2·(6 − limit) it is the limit.
    let memory: { multiplier: number } | null = null;
    const settings = { limit: 2, multiplier: 0, multiplier_rate: 0.2 };
    for (let step = 0; step < 300; step += 1) {
      const lambda: number = memory === null ? 0 : memory.multiplier;
      memory = answer([-(6 - lambda / 2)], settings, memory).memory as { multiplier: number };
    }
    expect(memory!.multiplier).toBeCloseTo(8, 3);
  });

  test("is linear in the component: where an episode stands in the batch plays no part", () => {
    const values = fc.array(fc.float({ min: -9, max: 9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.float({ min: 0, max: 5, noNaN: true }), (trained, multiplier) => {
        const { rewards } = answer(trained, {}, { multiplier });
        for (const [i, value] of trained.entries()) {
          expect(rewards[i]).toBeCloseTo(multiplier * value, 3);
        }
      }),
    );
  });
});
