import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootstrap95, confidence95, mean, sd } from "../../src/stats/intervals.js";
import { pairedTest } from "../../src/stats/paired-test.js";
import { generator } from "../../src/stats/random.js";

const a = [1.2, 0.7, 1.9, 1.1, 1.4];
const b = [0.9, 0.8, 1.1, 1.0, 0.6];
const value = fc.double({ min: -1000, max: 1000, noNaN: true });
const values = fc.array(value, { minLength: 2, maxLength: 40 });

/** Standard normal draws (Box–Muller). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

describe("against NumPy and SciPy", () => {
  test("mean and sd", () => {
    expect(mean(a)).toBeCloseTo(1.26, 12);
    expect(sd(a)).toBeCloseTo(0.4393176527297759, 12);
  });

  test("confidence95", () => {
    const [low, high] = confidence95(a)!;
    expect(low).toBeCloseTo(0.7145150868300539, 9);
    expect(high).toBeCloseTo(1.8054849131699466, 9);
  });

  test("pairedTest", () => {
    const { difference, interval } = pairedTest(a, b);
    expect(difference).toBeCloseTo(0.38, 12);
    expect(interval![0]).toBeCloseTo(-0.12741385860134402, 9);
    expect(interval![1]).toBeCloseTo(0.8874138586013438, 9);
  });
});

describe("mean, sd and confidence95", () => {
  test("the interval is centred on the mean and moves and scales with the values", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: -50, max: 50 }), (drawn, constant) => {
        const [low, high] = confidence95(drawn)!;
        expect((low + high) / 2).toBeCloseTo(mean(drawn), 6);
        const moved = confidence95(drawn.map((one) => 2 * one + constant))!;
        expect(moved[0]).toBeCloseTo(2 * low + constant, 4);
        expect(moved[1]).toBeCloseTo(2 * high + constant, 4);
      }),
    );
  });

  test("equal values have no spread", () => {
    expect(sd([2, 2, 2])).toBe(0);
    expect(confidence95([2, 2, 2])).toEqual([2, 2]);
  });

  test("one value has a mean, but neither spread nor interval", () => {
    expect(mean([3])).toBe(3);
    expect(sd([3])).toBeNull();
    expect(confidence95([3])).toBeNull();
  });

  test("covers the true mean 95 times in 100, even with three values", () => {
    const random = generator(11);
    let covered = 0;
    for (let trial = 0; trial < 4000; trial += 1) {
      const [low, high] = confidence95([normal(random), normal(random), normal(random)])!;
      covered += low <= 0 && high >= 0 ? 1 : 0;
    }
    // 3,800 expected, standard deviation 14.
    expect(Math.abs(covered - 3800)).toBeLessThan(60);
  });

  test.each([mean, sd, confidence95])("%o refuses nothing, and NaN by index", (statistic) => {
    expect(() => statistic([])).toThrow(/values is empty/);
    expect(() => statistic([1, Number.NaN])).toThrow(/values\[1\] is NaN/);
  });
});

describe("bootstrap95", () => {
  const meanOf = (drawn: readonly number[]) => (resample: Uint32Array) =>
    mean(Array.from(resample, (index) => drawn[index]!));

  test("is near Student's interval for many normal values", () => {
    const random = generator(3);
    const drawn = Array.from({ length: 400 }, () => 1 + normal(random));
    const [low, high] = bootstrap95(drawn.length, meanOf(drawn), generator(4), 4000)!;
    const [lowT, highT] = confidence95(drawn)!;
    expect(low).toBeCloseTo(lowT, 1);
    expect(high).toBeCloseTo(highT, 1);
  });

  test("lies within the values, repeats with its stream, and is ordered", () => {
    fc.assert(
      fc.property(values, (drawn) => {
        const [low, high] = bootstrap95(drawn.length, meanOf(drawn), generator(0), 50)!;
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThanOrEqual(Math.min(...drawn) - 1e-9);
        expect(high).toBeLessThanOrEqual(Math.max(...drawn) + 1e-9);
        expect(bootstrap95(drawn.length, meanOf(drawn), generator(0), 50)).toEqual([low, high]);
      }),
    );
  });

  test("one value has no interval", () => {
    expect(bootstrap95(1, meanOf([1]), generator(0))).toBeNull();
  });

  test("refuses nothing to draw from, a statistic that is no number, and no draws", () => {
    expect(() => bootstrap95(0, meanOf([]), generator(0))).toThrow(/count is 0/);
    expect(() => bootstrap95(2, () => Number.NaN, generator(0))).toThrow(/values\[0\]/);
    expect(() => bootstrap95(2, meanOf([1, 2]), generator(0), 0)).toThrow(/draws is 0/);
  });
});
