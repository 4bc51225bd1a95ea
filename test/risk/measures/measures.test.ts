/** What each measure's own rule says. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cvar } from "../../../src/risk/measures/cvar.js";
import { cvarGradient } from "../../../src/risk/measures/cvar-gradient.js";
import { entropic } from "../../../src/risk/measures/entropic.js";
import { mean } from "../../../src/risk/measures/mean.js";
import { meanCvar } from "../../../src/risk/measures/mean-cvar.js";
import { randomDrop } from "../../../src/risk/measures/random-drop.js";
import { rangeVar } from "../../../src/risk/measures/range-var.js";
import type {
  EpisodeWeights,
  RiskInput,
  RiskSettings,
  WeighingMeasure,
} from "../../../src/risk/measures/risk-measure.js";
import { conditionalValueAtRisk } from "../../../src/risk/tail.js";
import { generator } from "../../../src/stats/random.js";
import { riskInput } from "./inputs.js";

interface Asked extends Partial<Pick<RiskInput, "returns" | "statistic" | "kept" | "random">> {
  readonly settings?: Partial<RiskSettings>;
}

const returns = [3, -1, 2, -5, 0];

function answered(measure: WeighingMeasure, asked: Asked = {}): EpisodeWeights {
  return measure.weigh(riskInput(asked.returns ?? returns, { kept: 3, ...asked }));
}

const weigh = (measure: WeighingMeasure, asked: Asked = {}): number[] => [
  ...answered(measure, asked).weights,
];

const drawn = fc
  .tuple(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 50 }), fc.nat())
  .map(([returns, any]) => {
    const kept = 1 + (any % returns.length);
    return { returns, statistic: returns, kept };
  });

describe("mean", () => {
  test("keeps every episode, whatever the schedule says", () => {
    expect(weigh(mean)).toEqual([1, 1, 1, 1, 1]);
    expect(answered(mean, { kept: 1 }).kept).toBe(5);
  });
});

describe("cvar", () => {
  test("keeps exactly the worst, with weight 1", () => {
    expect(weigh(cvar)).toEqual([0, 1, 0, 1, 1]);
  });

  test("ranks by the statistic, not by the return", () => {
    expect(weigh(cvar, { statistic: [0, 1, 2, 3, 4], kept: 2 })).toEqual([1, 1, 0, 0, 0]);
  });

  test("breaks ties by index", () => {
    expect(weigh(cvar, { statistic: [1, 1, 1, 1, 1], kept: 2 })).toEqual([1, 1, 0, 0, 0]);
  });

  test("the weighted mean of the returns is their CVaR", () => {
    fc.assert(
      fc.property(drawn, (changes) => {
        const { weights, kept } = answered(cvar, changes);
        const sum = changes.returns.reduce((total, one, index) => total + one * weights[index]!, 0);
        expect(sum / kept).toBeCloseTo(
          conditionalValueAtRisk(changes.returns, changes.kept / changes.returns.length),
          9,
        );
      }),
    );
  });
});

describe("cvar-gradient", () => {
  test("weighs by the distance under the quantile; the episode at it drops out", () => {
    // q = 0: distances 1 and 5, scaled to mean 1.
    const { weights, kept } = answered(cvarGradient);
    expect([...weights].map((weight) => Number(weight.toFixed(6)))).toEqual([
      0, 0.333333, 0, 1.666667, 0,
    ]);
    expect(kept).toBe(2);
  });

  test("is equal weights where the kept returns are all equal", () => {
    expect(
      weigh(cvarGradient, { returns: [9, 1, 9, 1, 9], statistic: [9, 1, 9, 1, 9], kept: 2 }),
    ).toEqual([0, 1, 0, 1, 0]);
    expect(weigh(cvarGradient, { kept: 1 })).toEqual([0, 0, 0, 1, 0]);
  });

  test("with another statistic takes the distance under the best return kept", () => {
    const changes = { statistic: [0, 1, 2, 3, 4], kept: 3 };
    // Kept: returns 3, −1 and 2; distances 0, 4 and 1.
    const weights = weigh(cvarGradient, changes).map((weight) => Number(weight.toFixed(6)));
    expect(weights).toEqual([0, 1.6, 0.4, 0, 0]);
  });

  test("never weighs a better episode more than a worse one, and never more than cvar keeps", () => {
    fc.assert(
      fc.property(drawn, (changes) => {
        const weights = weigh(cvarGradient, changes);
        const tail = weigh(cvar, changes);
        fc.pre(changes.kept < changes.returns.length);
        weights.forEach((weight, i) => {
          expect(weight === 0 || tail[i] === 1).toBe(true);
          weights.forEach((other, j) => {
            expect(changes.returns[i]! < changes.returns[j]! && weight < other).toBe(false);
          });
        });
      }),
    );
  });

  test("is blind to a shift and to the scale of the returns", () => {
    fc.assert(
      fc.property(drawn, (changes) => {
        const moved = changes.returns.map((one) => 4 * one + 7);
        const same = { ...changes, returns: moved, statistic: moved };
        expect(weigh(cvarGradient, same)).toEqual(weigh(cvarGradient, changes));
      }),
    );
  });
});

describe("mean-cvar", () => {
  test("adds the tail's extra to everyone's share", () => {
    // Outside: 0.5. Inside: 0.5 + 0.5·5/2 = 1.75.
    expect(weigh(meanCvar, { kept: 2 })).toEqual([0.5, 1.75, 0.5, 1.75, 0.5]);
    expect(answered(meanCvar, { kept: 2 }).kept).toBe(5);
  });

  test("is mean at mixture 0 and cvar at mixture 1", () => {
    fc.assert(
      fc.property(drawn, (changes) => {
        const at = (mixture: number) => answered(meanCvar, { ...changes, settings: { mixture } });
        expect(at(0)).toEqual(answered(mean, changes));
        expect(at(1)).toEqual(answered(cvar, changes));
      }),
    );
  });

  test("the weighted mean of the returns is (1 − c)·mean + c·CVaR", () => {
    const share = fc.double({ min: 0, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(drawn, share, (changes, mixture) => {
        const { weights } = answered(meanCvar, { ...changes, settings: { mixture } });
        const count = changes.returns.length;
        const weighted =
          changes.returns.reduce((sum, one, index) => sum + one * weights[index]!, 0) / count;
        const plain = changes.returns.reduce((sum, one) => sum + one, 0) / count;
        const tail = conditionalValueAtRisk(changes.returns, changes.kept / count);
        expect(weighted).toBeCloseTo((1 - mixture) * plain + mixture * tail, 3);
      }),
    );
  });

  test.each([-0.1, 1.1, Number.NaN])("refuses a mixture of %d", (mixture) => {
    expect(() => weigh(meanCvar, { settings: { mixture } })).toThrow(/mixture is/);
  });
});

describe("entropic", () => {
  test("weighs by exp(−R̄/T): one T worse counts e times as much", () => {
    const returns = [0, -2, -4];
    const [first, second, third] = weigh(entropic, {
      returns,
      statistic: returns,
      kept: 1,
      settings: { temperature: 2 },
    });
    expect(second! / first!).toBeCloseTo(Math.E, 5);
    expect(third! / second!).toBeCloseTo(Math.E, 5);
    expect(first! + second! + third!).toBeCloseTo(3, 5);
  });

  test("is risk-neutral at a high temperature and sees only the worst at a low one", () => {
    expect(weigh(entropic, { settings: { temperature: 1e9 } })).toEqual([1, 1, 1, 1, 1]);
    expect(weigh(entropic, { settings: { temperature: 0.001 } })).toEqual([0, 0, 0, 1, 0]);
  });

  test("does not overflow, and is blind to a shift of the returns", () => {
    const far = returns.map((value) => value - 1e6);
    expect(weigh(entropic, { returns: [...far], statistic: [...far] })).toEqual(weigh(entropic));
    const extreme = answered(entropic, {
      returns: [-1e30, 1e30],
      statistic: [0, 0],
      kept: 1,
    });
    expect([...extreme.weights]).toEqual([1, 0]);
    expect(extreme.kept).toBe(1);
  });

  test.each([0, -1, Number.NaN, Infinity])("refuses a temperature of %d", (temperature) => {
    expect(() => weigh(entropic, { settings: { temperature } })).toThrow(/temperature is/);
  });
});

describe("random-drop", () => {
  test("keeps as many as cvar does, and every episode equally often", () => {
    const random = generator(5);
    const kept = [0, 0, 0, 0, 0];
    for (let round = 0; round < 5000; round += 1) {
      const result = answered(randomDrop, { random });
      expect(result.kept).toBe(answered(cvar).kept);
      result.weights.forEach((weight, index) => {
        kept[index]! += weight;
      });
    }
    for (const count of kept) {
      // 3,000 expected, standard deviation 35.
      expect(Math.abs(count - 3000)).toBeLessThan(180);
    }
  });

  test("is blind to the returns", () => {
    const one = weigh(randomDrop, { random: generator(9) });
    const other = weigh(randomDrop, {
      random: generator(9),
      returns: [0, 0, 0, 0, 1],
      statistic: [1, 0, 0, 0, 0],
    });
    expect(other).toEqual(one);
  });
});

describe("range-var", () => {
  test("what lies at the upper quantile or above teaches nothing, to the last bit", () => {
    fc.assert(
      fc.property(
        fc.float({ min: -9, max: 9, noNaN: true }),
        fc.float({ min: Math.fround(0.01), max: 5, noNaN: true }),
        fc.array(fc.float({ min: 0, max: 9, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (lower, range, above) => {
          const upper = lower + range;
          const returns = above.map((more) => upper + more);
          const { advantages } = rangeVar.advantages(
            riskInput(returns, { population: "window", memory: { lower, upper } }),
          );
          expect(advantages.some((value) => value !== 0)).toBe(false);
        },
      ),
    );
  });

  test("is RiskPO's mix", () => {
    const pos = (value: number) => Math.max(0, value);
    const settings = { lower_level: 0.2, upper_level: 0.9, tail_weight: 1.5 };
    const [lower, upper] = [-1, 1.5];
    const { advantages } = rangeVar.advantages(
      riskInput(returns, { population: "window", memory: { lower, upper }, settings }),
    );
    for (const [at, value] of returns.entries()) {
      const range = (pos(value - lower) - pos(value - upper) + lower - upper) / 0.7;
      const tail = -pos(lower - value) / 0.2;
      expect(advantages[at]).toBeCloseTo((1.5 * tail + range) / 2.5, 5);
    }
  });
});
