/** What holds for every measure, whatever its rule. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { type RiskMeasureName, riskMeasures } from "../../../src/risk/measures/registry.js";
import type { RiskInput } from "../../../src/risk/measures/risk-measure.js";
import { generator } from "../../../src/stats/random.js";

const names = Object.keys(riskMeasures) as RiskMeasureName[];

const inputs = fc
  .record({
    returns: fc.array(fc.float({ min: -20, max: 20, noNaN: true }), {
      minLength: 1,
      maxLength: 60,
    }),
    any: fc.nat(),
    mixture: fc.double({ min: 0, max: 1, noNaN: true }),
    temperature: fc.double({ min: 0.01, max: 100, noNaN: true }),
    seed: fc.nat(),
  })
  .map(({ returns, any, mixture, temperature, seed }) => {
    const kept = 1 + (any % returns.length);
    return (): RiskInput => ({
      returns: Float32Array.from(returns),
      statistic: Float32Array.from(returns),
      kept,
      alpha: kept / returns.length,
      random: generator(seed),
      mixture,
      temperature,
    });
  });

test("the configuration offers exactly the measures that there are", () => {
  expect([...riskSchema.shape.measure.unwrap().options].sort()).toEqual([...names].sort());
});

describe.each(names)("%s", (name) => {
  const measure = riskMeasures[name];

  test("gives one finite weight ≥ 0 an episode, and at least one over 0", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { weights, kept } = measure(input());
        expect(weights).toHaveLength(input().returns.length);
        expect(weights.every((weight) => weight >= 0 && Number.isFinite(weight))).toBe(true);
        expect(kept).toBe(weights.filter((weight) => weight > 0).length);
        expect(kept).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  test("has weights of mean 1 over the kept", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { weights, kept } = measure(input());
        const sum = weights.reduce((total, weight) => total + weight, 0);
        expect(sum / kept).toBeCloseTo(1, 4);
      }),
    );
  });

  test("repeats, and leaves its input as it was", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const given = input();
        expect(measure(given)).toEqual(measure(input()));
        expect(given.returns).toEqual(input().returns);
        expect(given.statistic).toEqual(input().statistic);
      }),
    );
  });

  test("weighs plain arrays as it weighs single precision", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const plain = { returns: [...input().returns], statistic: [...input().statistic] };
        expect(measure({ ...input(), ...plain })).toEqual(measure(input()));
      }),
    );
  });

  test("refuses an empty batch, uneven arrays, NaN, and a count out of range", () => {
    const sound: RiskInput = {
      returns: [1, 2, 3],
      statistic: [1, 2, 3],
      kept: 2,
      alpha: 0.5,
      random: generator(0),
      mixture: 0.5,
      temperature: 1,
    };
    expect(() => measure({ ...sound, returns: [], statistic: [] })).toThrow(/returns is empty/);
    expect(() => measure({ ...sound, statistic: [1] })).toThrow(/statistic has 1 values/);
    expect(() => measure({ ...sound, returns: [1, Number.NaN, 3] })).toThrow(/returns\[1\] is NaN/);
    expect(() => measure({ ...sound, statistic: [1, 2, Infinity] })).toThrow(/statistic\[2\]/);
    for (const kept of [0, 4, 1.5, Number.NaN]) {
      expect(() => measure({ ...sound, kept })).toThrow(/kept is/);
    }
  });
});

/** Those that promise risk-neutral training while every episode is kept. */
test.each(["mean", "cvar", "cvar-gradient", "mean-cvar", "random-drop"] as const)(
  "%s is risk-neutral while every episode is kept: warm starts agree bit for bit",
  (name) => {
    fc.assert(
      fc.property(inputs, (input) => {
        const given = input();
        const batch = given.returns.length;
        const { weights, kept } = riskMeasures[name]({ ...given, kept: batch, alpha: 1 });
        expect(kept).toBe(batch);
        expect(weights.every((weight) => weight === 1)).toBe(true);
      }),
    );
  },
);
