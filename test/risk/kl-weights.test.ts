/** The KL loss on a part of the dropped episodes estimates the one on all of them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { anchorCount, klLossWeights } from "../../src/risk/kl-weights.js";
import { generator } from "../../src/stats/random.js";

const batch = fc
  .array(
    fc.record({
      base: fc.double({ min: 0.1, max: 4, noNaN: true }),
      weight: fc.constantFrom(0, 0, 1, 2.5),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((episodes) => ({
    base: Float64Array.from(episodes, ({ base }) => base),
    weights: episodes.map(({ weight }) => weight),
  }));
const fraction = fc.double({ min: 0.01, max: 1, noNaN: true });

test("kept episodes count as ever, and so many of the dropped ones as the fraction says", () => {
  fc.assert(
    fc.property(batch, fraction, fc.nat(), ({ base, weights }, anchors, seed) => {
      const found = klLossWeights({ base, weights, anchors, random: generator(seed) });
      const dropped = weights.filter((weight) => weight === 0).length;
      const carrying = found.filter((own, i) => weights[i] === 0 && own > 0).length;
      expect(carrying).toBe(anchorCount(dropped, anchors));
      expect(carrying).toBeLessThanOrEqual(dropped);
      if (dropped > 0) expect(carrying).toBeGreaterThan(0);
      for (const [i, weight] of weights.entries()) {
        if (weight > 0) expect(found[i]).toBe(Math.fround(base[i]!));
      }
    }),
  );
});

test("all of them count at 1, without a draw", () => {
  const base = Float64Array.of(1, 0.5, 2);
  const random = () => expect.unreachable("nothing is drawn");
  expect([...klLossWeights({ base, weights: [0, 1, 0], anchors: 1, random })]).toEqual([1, 0.5, 2]);
});

test("with equal base weights the sum is the batch, whatever is drawn", () => {
  fc.assert(
    fc.property(batch, fraction, fc.nat(), ({ weights }, anchors, seed) => {
      const base = new Float64Array(weights.length).fill(1);
      const found = klLossWeights({ base, weights, anchors, random: generator(seed) });
      expect(found.reduce((sum, own) => sum + own, 0)).toBeCloseTo(weights.length, 4);
    }),
  );
});

test("the expected weight of every episode is its base weight", () => {
  const draws = 4000;
  fc.assert(
    fc.property(batch, fraction, fc.nat(), ({ base, weights }, anchors, seed) => {
      const sums = new Float64Array(base.length);
      const random = generator(seed);
      for (let draw = 0; draw < draws; draw += 1) {
        for (const [i, own] of klLossWeights({ base, weights, anchors, random }).entries()) {
          sums[i]! += own;
        }
      }
      const dropped = weights.filter((weight) => weight === 0).length;
      // An episode's weight is base·D/a with probability a/D: its variance is base²·(D/a − 1).
      const spread = Math.sqrt(dropped / (anchorCount(dropped, anchors) || 1) - 1 || 0);
      for (const [i, own] of base.entries()) {
        const error = weights[i] === 0 ? (5 * own * spread) / Math.sqrt(draws) : 0;
        expect(Math.abs(sums[i]! / draws - own)).toBeLessThanOrEqual(error + 1e-5 * own);
      }
    }),
    { numRuns: 25 },
  );
});

test("a fraction of nothing, and arrays that differ in length, are refused", () => {
  const base = Float64Array.of(1, 1);
  const random = generator(0);
  expect(() => klLossWeights({ base, weights: [0, 1], anchors: 0, random })).toThrow(
    "anchors is 0",
  );
  expect(() => klLossWeights({ base, weights: [1], anchors: 1, random })).toThrow(
    "they must match",
  );
});
