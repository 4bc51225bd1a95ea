import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bootstrap95,
  confidence95,
  mean,
  pairedDifference,
  sd,
} from "../../src/stats/intervals.js";
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

  test("pairedDifference", () => {
    const { difference, ci95 } = pairedDifference(a, b);
    expect(difference).toBeCloseTo(0.38, 12);
    expect(ci95![0]).toBeCloseTo(-0.12741385860134402, 9);
    expect(ci95![1]).toBeCloseTo(0.8874138586013438, 9);
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

describe("pairedDifference", () => {
  test("what both share cancels: a common shift of a pair changes nothing", () => {
    const pairs = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 2 });
    fc.assert(
      fc.property(pairs, (drawn) => {
        const plain = pairedDifference(
          drawn.map(([x]) => x),
          drawn.map(([, y]) => y),
        );
        const shifted = pairedDifference(
          drawn.map(([x, , s]) => x + s),
          drawn.map(([, y, s]) => y + s),
        );
        expect(shifted).toEqual(plain);
      }),
    );
  });

  test("turns its sign with the arms", () => {
    const forth = pairedDifference(a, b);
    const back = pairedDifference(b, a);
    expect(back.difference).toBe(-forth.difference);
    expect(back.ci95![0]).toBeCloseTo(-forth.ci95![1], 12);
  });

  test("one pair has a difference without an interval", () => {
    expect(pairedDifference([3], [1])).toEqual({ difference: 2, ci95: null });
  });

  test("refuses uneven or empty arms, and NaN by arm and index", () => {
    expect(() => pairedDifference([1], [1, 2])).toThrow(/a has 1 values and b has 2/);
    expect(() => pairedDifference([], [])).toThrow(RangeError);
    expect(() => pairedDifference([1, 2], [1, Number.NaN])).toThrow(/b\[1\] is NaN/);
  });
});

describe("bootstrap95", () => {
  test("is near Student's interval for many normal values", () => {
    const random = generator(3);
    const drawn = Array.from({ length: 400 }, () => 1 + normal(random));
    const [low, high] = bootstrap95(drawn, generator(4), 4000)!;
    const [lowT, highT] = confidence95(drawn)!;
    expect(low).toBeCloseTo(lowT, 1);
    expect(high).toBeCloseTo(highT, 1);
  });

  test("lies within the values, repeats with its stream, and is ordered", () => {
    fc.assert(
      fc.property(values, (drawn) => {
        const [low, high] = bootstrap95(drawn, generator(0), 50)!;
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThanOrEqual(Math.min(...drawn) - 1e-9);
        expect(high).toBeLessThanOrEqual(Math.max(...drawn) + 1e-9);
        expect(bootstrap95(drawn, generator(0), 50)).toEqual([low, high]);
      }),
    );
  });

  test("one value has no interval", () => {
    expect(bootstrap95([1], generator(0))).toBeNull();
  });

  test("refuses nothing, NaN, and no draws", () => {
    expect(() => bootstrap95([], generator(0))).toThrow(/differences is empty/);
    expect(() => bootstrap95([Number.NaN], generator(0))).toThrow(/differences\[0\]/);
    expect(() => bootstrap95([1, 2], generator(0), 0)).toThrow(/draws is 0/);
  });
});
