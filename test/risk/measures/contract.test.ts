/** What holds for every measure, whatever its rule. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { riskMeasureNames, riskMeasures } from "../../../src/risk/measures/registry.js";
import {
  distortionNames,
  type OwnSetting,
  type RiskInput,
  type RiskMeasure,
  type RiskSettings,
} from "../../../src/risk/measures/risk-measure.js";
import { advantagesWithin, weightsWithin } from "../../../src/risk/populations.js";
import { generator } from "../../../src/stats/random.js";
import { answerOf, numbersOf, riskInput, settingsOf } from "./inputs.js";

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
    distortion: fc.constantFrom(...distortionNames),
    seed: fc.nat(),
  })
  .map(({ returns, any, seed, ...settings }) => {
    const kept = 1 + (any % returns.length);
    return (): RiskInput =>
      riskInput(Float32Array.from(returns), { kept, random: generator(seed), settings });
  });

test("the configuration offers exactly the measures that there are, each with its words", () => {
  expect(riskSchema.shape.measure.unwrap().options).toEqual(names);
  const meanings = z.toJSONSchema(riskSchema).properties!.measure as Record<string, unknown>;
  expect(meanings.enumDescriptions).toEqual(
    names.map((name) => riskMeasures[name].words.description),
  );
});

describe.each(names)("%s", (name) => {
  const measure: RiskMeasure = riskMeasures[name];

  test("gives one finite number per episode; weights ≥ 0, of mean 1 over those above", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const answer = answerOf(measure, input());
        const numbers = numbersOf(measure, input());
        expect(numbers).toHaveLength(input().returns.length);
        expect(numbers.every(Number.isFinite)).toBe(true);
        if (!("weights" in answer)) return;
        const { weights, kept } = answer;
        expect(weights.every((weight) => weight >= 0)).toBe(true);
        expect(kept).toBe(weights.filter((weight) => weight > 0).length);
        expect(kept).toBeGreaterThanOrEqual(1);
        const sum = weights.reduce((total, weight) => total + weight, 0);
        expect(sum / kept).toBeCloseTo(1, 4);
      }),
    );
  });

  test("repeats, and leaves its input as it was", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const given = input();
        expect(answerOf(measure, given)).toEqual(answerOf(measure, input()));
        expect(given.returns).toEqual(input().returns);
        expect(given.statistic).toEqual(input().statistic);
      }),
    );
  });

  test("takes plain arrays as it takes single precision", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const plain = [...input().returns];
        const { kept, random, settings } = input();
        const asked = riskInput(plain, { kept, random, settings });
        expect(answerOf(measure, asked)).toEqual(answerOf(measure, input()));
      }),
    );
  });

  test("refuses an empty batch, uneven arrays, NaN, and a count or an α' out of range", () => {
    const sound = riskInput([1, 2, 3], { kept: 2 });
    const asked = (changes: Partial<RiskInput>) => () =>
      answerOf(measure, { ...sound, ...changes });
    expect(asked({ returns: [], statistic: [] })).toThrow(/returns is empty/);
    expect(asked({ statistic: [1] })).toThrow(/statistic has 1 values/);
    expect(asked({ rewards: [1] })).toThrow(/rewards has 1 values/);
    expect(asked({ prompt: [1] })).toThrow(/prompt has 1 values/);
    expect(asked({ returns: [1, Number.NaN, 3] })).toThrow(/returns\[1\] is NaN/);
    expect(asked({ statistic: [1, 2, Infinity] })).toThrow(/statistic\[2\]/);
    expect(asked({ components: [[1, 2, Number.NaN]] })).toThrow(/components\[0\]\[2\]/);
    for (const kept of [0, 4, 1.5, Number.NaN]) {
      expect(asked({ kept })).toThrow(/kept is/);
    }
    for (const alpha of [0, 1.1, Number.NaN]) {
      expect(asked({ alpha })).toThrow(/alpha is/);
    }
  });

  test("trains on the episodes that its entry says, or on some of them", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const given = input();
        const batch = given.returns.length;
        const settings = { ...given.settings, alpha: given.alpha };
        const { episodes, bound } = measure.trainsOn(settings, given.population);
        const most = episodes === "all" ? batch : given.kept;
        const answer = answerOf(measure, given);
        const counting =
          "rewards" in answer ? batch : numbersOf(measure, given).filter((n) => n !== 0).length;
        // Where all are kept a signed measure is the mean's, on everybody.
        if (measure.answers === "advantages" && given.kept === batch) return;
        expect(bound === "exact" ? counting === most : counting <= most).toBe(true);
      }),
    );
  });

  const settings = [0.5, 1].flatMap((alpha) =>
    [0, 0.5, 1].flatMap((mixture) =>
      [null, 0].map((distortion_parameter) =>
        settingsOf({
          alpha,
          mixture,
          distortion_parameter,
          multiplier: 0,
          multiplier_rate: mixture,
        }),
      ),
    ),
  );
  // At α = 1 every episode is kept: a warm start agrees with the mean bit for bit.
  const meanAt = settings.filter(measure.isMean);
  test.skipIf(meanAt.length === 0)("is the mean where its entry says so", () => {
    fc.assert(
      fc.property(inputs, fc.constantFrom(...meanAt), (input, own) => {
        const given = input();
        const batch = given.returns.length;
        const kept = own.alpha === 1 ? batch : given.kept;
        const numbers = numbersOf(measure, { ...given, settings: own, kept });
        const middle = Float64Array.from(given.returns).reduce(
          (sum, value) => sum + value / batch,
          0,
        );
        numbers.forEach((value, episode) => {
          if (measure.answers === "weights") expect(value).toBe(1);
          if (measure.answers === "rewards") expect(Math.abs(value)).toBe(0);
          if (measure.answers !== "advantages" || batch === 1) return;
          const scale = name.startsWith("spectral") ? 1 : batch / (batch - 1);
          expect(value).toBeCloseTo((given.returns[episode]! - middle) * scale, 3);
        });
      }),
    );
  });

  test("has words, and reads the settings of its own that it names", () => {
    const { label, description, rule, follows } = measure.words;
    expect([label, description, rule, follows].every((text) => text.length > 3)).toBe(true);
    expect(description).toMatch(/^[a-z].*[^.]$/);
    expect(label).toMatch(/^[\x20-\x7e]{1,20}$/);
    const returns = [3, -1, 2, -4, 0];
    const memory = { quantile: 1, threshold: 1, lower: -2, upper: 2, mean: 1, square: 4 };
    const answer = (own: Partial<RiskSettings>): string =>
      JSON.stringify(
        [null, memory].map((carried) => {
          const input = riskInput(returns, {
            kept: 2,
            random: generator(3),
            population: measure.populations.at(-1)!,
            memory: carried,
            settings: { limit: 1, ...own },
          });
          const within = { ...input, population: measure.populations[0], prompt: [0, 0, 0, 1, 1] };
          const { figures: _, ...own_ } = answerOf(measure, input);
          return [own_, answerOf(measure, within)].map((one) => ({ ...one, ...arrays(one) }));
        }),
      );
    const others: Record<OwnSetting, Partial<RiskSettings>> = {
      mixture: { mixture: 0.9 },
      temperature: { temperature: 3 },
      distortion: { distortion: "power" },
      distortion_parameter: { distortion_parameter: 0.4 },
      threshold: { threshold: 0.25 },
      tracking_rate: { tracking_rate: 0.5 },
      lower_level: { lower_level: 0.5 },
      upper_level: { upper_level: 0.6 },
      tail_weight: { tail_weight: 4 },
      quantile: { quantile: 0.9 },
      limit: { limit: -3 },
      deviations: { deviations: 0.1 },
      multiplier: { multiplier: 7 },
      multiplier_rate: { multiplier_rate: 0.7 },
    };
    const read = Object.entries(others).filter(([, own]) => answer(own) !== answer({}));
    expect(read.map(([setting]) => setting).sort()).toEqual([...measure.settings].sort());
  });

  test.skipIf(!measure.populations.includes("prompt"))("is taken within each prompt", () => {
    // Two prompts of four completions, the second worse throughout.
    const returns = [3, 1, 2, 4, -6, -9, -7, -8];
    const prompt = [0, 0, 0, 0, 1, 1, 1, 1];
    const input = riskInput(returns, { alpha: 0.5, kept: 4, prompt, population: "prompt" });
    const parts = [returns.slice(0, 4), returns.slice(4)].map((own) => riskInput(own, { kept: 2 }));
    if (measure.answers === "weights") {
      const random = generator(0);
      const own = parts.map((part) => measure.weigh({ ...part, random }));
      const { weights } = weightsWithin(input, measure.weigh);
      const sums = [0, 4].map((from) => weights.slice(from, from + 4).reduce((a, b) => a + b, 0));
      expect(sums[0]).toBeCloseTo(sums[1]!, 5);
      own.forEach(({ weights: part }, place) => {
        expect([...weights.slice(4 * place, 4 * place + 4)].map((one) => one > 0)).toEqual(
          [...part].map((one) => one > 0),
        );
      });
    }
    if (measure.answers === "advantages") {
      const { advantages } = advantagesWithin(input, measure.advantages);
      expect([...advantages]).toEqual(
        parts.flatMap((part) => [...measure.advantages(part).advantages]),
      );
    }
  });
});

function arrays(answer: ReturnType<typeof answerOf>): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(answer).flatMap(([key, value]) =>
      value instanceof Float32Array ? [[key, [...value]]] : [],
    ),
  );
}
