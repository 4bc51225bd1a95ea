import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { generator, shuffled, streamSeed } from "../../src/stats/random.js";

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const step = fc.integer({ min: 0, max: 2 ** 40 });

describe("streamSeed", () => {
  // From an independent MurmurHash3_x86_32 in Python, itself checked against published vectors.
  test.each([
    [0, "", 0, 1669671676],
    [0, "rollout", 0, 3124629015],
    [0, "rollout", 1, 3778957896],
    [1, "rollout", 0, 3625141959],
    [0, "update", 0, 3953324739],
    [0xffff_ffff, "prompts/order", 193, 527015451],
    [7, "evaluation", 2 ** 32, 1751275120],
  ])("of (%i, %j, %i) is %i for ever", (root, purpose, at, seed) => {
    expect(streamSeed(root, purpose, at)).toBe(seed);
  });

  test("is a whole number in [0, 2³²)", () => {
    fc.assert(
      fc.property(word, fc.string(), step, (root, purpose, at) => {
        const seed = streamSeed(root, purpose, at);
        expect(seed).toBe(seed >>> 0);
      }),
    );
  });

  test("never collides between steps, nor between roots", () => {
    const steps = new Set<number>();
    const roots = new Set<number>();
    for (let index = 0; index < 100_000; index += 1) {
      steps.add(streamSeed(3, "rollout", index));
      roots.add(streamSeed(index, "rollout", 3));
    }
    expect(steps.size).toBe(100_000);
    expect(roots.size).toBe(100_000);
  });

  test("tells purposes apart", () => {
    const purposes = [
      "sft",
      "load",
      "rollout",
      "update",
      "prompts",
      "evaluation",
      "risk",
      "a",
      "aa",
    ];
    const seeds = purposes.flatMap((purpose) =>
      Array.from({ length: 1000 }, (_, index) => streamSeed(0, purpose, index)),
    );
    expect(new Set(seeds).size).toBe(seeds.length);
  });

  test("one changed bit of the step or the root changes half of the bits", () => {
    const bitsOf = (value: number): number => value.toString(2).replaceAll("0", "").length;
    for (const change of [
      (index: number, bit: number) => streamSeed(5, "rollout", index ^ (1 << bit)),
      (index: number, bit: number) => streamSeed(5 ^ (1 << bit), "rollout", index),
    ]) {
      for (let bit = 0; bit < 30; bit += 1) {
        let changed = 0;
        for (let index = 0; index < 400; index += 1) {
          changed += bitsOf((streamSeed(5, "rollout", index) ^ change(index, bit)) >>> 0);
        }
        expect(changed / 400, `bit ${bit}`).toBeGreaterThan(14.5);
        expect(changed / 400, `bit ${bit}`).toBeLessThan(17.5);
      }
    }
  });

  test.each([
    [-1, 0],
    [0.5, 0],
    [2 ** 32, 0],
    [Number.NaN, 0],
    [0, -1],
    [0, 1.5],
    [0, 2 ** 53],
  ])("refuses root %d and step %d", (root, at) => {
    expect(() => streamSeed(root, "rollout", at)).toThrow(RangeError);
  });
});

describe("generator", () => {
  // From an independent sfc32 in Python.
  test.each([
    [0, [1363572419, 145230303, 808754475, 4216505632]],
    [1, [2012149540, 1872316204, 1707632675, 1779833415]],
    [0xffff_ffff, [1984736529, 3747275468, 1287205723, 2021412065]],
    [123456789, [2176888116, 4144309790, 4018711931, 1886398192]],
  ])("of seed %i begins with the same words for ever", (seed, words) => {
    const random = generator(seed);
    expect(words.map(() => random() * 2 ** 32)).toEqual(words);
  });

  test("gives multiples of 2⁻³² in [0, 1)", () => {
    fc.assert(
      fc.property(word, (seed) => {
        const random = generator(seed);
        for (let draw = 0; draw < 20; draw += 1) {
          const value = random();
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThan(1);
          expect(Number.isInteger(value * 2 ** 32)).toBe(true);
        }
      }),
    );
  });

  test("is uniform: χ² of 64 cells over 64,000 draws is no outlier", () => {
    const cells = new Array<number>(64).fill(0);
    const random = generator(streamSeed(0, "test", 0));
    for (let draw = 0; draw < 64_000; draw += 1) {
      cells[Math.floor(random() * 64)]! += 1;
    }
    const chiSquare = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // 63 degrees of freedom: mean 63, standard deviation 11.2.
    expect(chiSquare).toBeGreaterThan(25);
    expect(chiSquare).toBeLessThan(110);
  });

  test("streams of neighbouring steps are not correlated", () => {
    let product = 0;
    const count = 20_000;
    for (let at = 0; at < count; at += 1) {
      const one = generator(streamSeed(0, "rollout", at))() - 0.5;
      const next = generator(streamSeed(0, "rollout", at + 1))() - 0.5;
      product += 12 * one * next;
    }
    expect(Math.abs(product / count)).toBeLessThan(4 / Math.sqrt(count));
  });

  test.each([-1, 1.5, 2 ** 32, Number.NaN])("refuses seed %d", (seed) => {
    expect(() => generator(seed)).toThrow(RangeError);
  });
});

describe("shuffled", () => {
  test("is a permutation, the same for the same seed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), word, (n, seed) => {
        const order = shuffled(n, generator(seed));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
        expect(shuffled(n, generator(seed))).toEqual(order);
      }),
    );
  });

  test("of 10 under seed 42 is the same for ever", () => {
    expect([...shuffled(10, generator(42))]).toEqual([1, 6, 8, 3, 5, 0, 9, 7, 4, 2]);
  });

  test("gives every order of four equally often", () => {
    const seen = new Map<string, number>();
    const random = generator(7);
    for (let draw = 0; draw < 24_000; draw += 1) {
      const order = shuffled(4, random).join("");
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(24);
    for (const count of seen.values()) {
      // 1,000 expected, standard deviation 31.
      expect(Math.abs(count - 1000)).toBeLessThan(150);
    }
  });

  test.each([-1, 2.5, Number.NaN])("refuses n = %d", (n) => {
    expect(() => shuffled(n, generator(0))).toThrow(RangeError);
  });
});
