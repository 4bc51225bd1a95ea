/** What holds for every measure, whatever its rule. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { riskMeasureNames, riskMeasures } from "../../../src/risk/measures/registry.js";
import type { RiskInput } from "../../../src/risk/measures/risk-measure.js";
import { generator } from "../../../src/stats/random.js";

const names = riskMeasureNames;

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
      random: generator(seed),
      mixture,
      temperature,
    });
  });

test("the configuration offers exactly the measures that there are, each with its words", () => {
  expect(riskSchema.shape.measure.unwrap().options).toEqual(names);
  const meanings = z.toJSONSchema(riskSchema).properties!.measure as Record<string, unknown>;
  expect(meanings.enumDescriptions).toEqual(
    names.map((name) => riskMeasures[name].words.description),
  );
});

describe.each(names)("%s", (name) => {
  const { weigh: measure, ...facts } = riskMeasures[name];

  test("gives one finite weight ≥ 0 per episode, and at least one over 0", () => {
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

  test("trains on the episodes that its entry says, or on some of them", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const given = input();
        const batch = given.returns.length;
        const { episodes, bound } = facts.trainsOn({ ...given, alpha: given.kept / batch });
        const most = episodes === "all" ? batch : given.kept;
        const { kept } = measure(given);
        expect(bound === "exact" ? kept === most : kept <= most).toBe(true);
      }),
    );
  });

  const settings = [0.5, 1].flatMap((alpha) =>
    [0, 0.5, 1].map((mixture) => ({ alpha, mixture, temperature: 1 })),
  );
  // At α = 1 every episode is kept: a warm start agrees with the mean bit for bit.
  const meanAt = settings.filter(facts.isMean);
  test.skipIf(meanAt.length === 0)("is the mean where its entry says so", () => {
    fc.assert(
      fc.property(inputs, fc.constantFrom(...meanAt), (input, { alpha, mixture }) => {
        const given = input();
        const kept = alpha === 1 ? given.returns.length : given.kept;
        const { weights } = measure({ ...given, mixture, kept });
        expect(weights.every((weight) => weight === 1)).toBe(true);
      }),
    );
  });

  test("has words, and reads the settings of its own that it names", () => {
    const { label, description, rule } = facts.words;
    expect([label, description, rule].every((text) => text.length > 3)).toBe(true);
    expect(description).toMatch(/^[a-z].*[^.]$/);
    expect(label).toMatch(/^[\x20-\x7e]{1,20}$/);
    const base = { returns: [3, -1, 2, -4, 0], statistic: [3, -1, 2, -4, 0], kept: 2 };
    const weights = (own: object): string =>
      JSON.stringify([
        ...measure({ ...base, random: generator(3), mixture: 0.5, temperature: 1, ...own }).weights,
      ]);
    const reads = (own: object): boolean => weights({}) !== weights(own);
    expect(reads({ mixture: 0.9 })).toBe(facts.ownSettings.includes("mixture"));
    expect(reads({ temperature: 3 })).toBe(facts.ownSettings.includes("temperature"));
  });
});
