import fc from "fast-check";
import { expect, test } from "vitest";
import { meanUpperBound } from "../../src/stats/betting-bound.js";
import { mean } from "../../src/stats/intervals.js";
import { drawn, knownTails } from "./known-tails.js";

const options = { delta: 0.05, lower: 0, upper: 1 };

test("the bound holds, and is nearer than Hoeffding's", () => {
  const draws = 200;
  const [, , squares, , rare] = knownTails;
  for (const [tail, truth] of [
    [squares!, 1 / 3],
    [rare!, 0.95],
  ] as const) {
    let failed = 0;
    let gap = 0;
    for (let draw = 0; draw < draws; draw += 1) {
      const { bound } = meanUpperBound(drawn(tail, 400, draw), options);
      failed += bound < truth ? 1 : 0;
      gap += bound - truth;
    }
    // A bound that holds with 95 % fails in more than 26 of 200 draws with probability 1e-5.
    expect(failed).toBeLessThanOrEqual(26);
    expect(gap / draws).toBeLessThan(Math.sqrt(Math.log(20) / 800));
  }
});

test("one bet by hand: from no score at 0, 0.9 on the first and on the second", () => {
  // (1 + 0.9·m)·(1 + 0.9·m)·… reaches 20 at m = 1 after five scores of 0, not after four.
  expect(meanUpperBound([0, 0, 0, 0], options)).toEqual({ bound: 1, trivial: true });
  const { bound, trivial } = meanUpperBound([0, 0, 0, 0, 0], options);
  expect(trivial).toBe(false);
  expect((1 + 0.9 * bound) ** 5).toBeCloseTo(20, 6);
});

test("lies between the mean and the range's end; less δ, higher bound; moves and scales", () => {
  const scores = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(scores, (values) => {
      const { bound } = meanUpperBound(values, options);
      expect(bound).toBeGreaterThanOrEqual(mean(values) - 1e-9);
      expect(bound).toBeLessThanOrEqual(1);
      expect(meanUpperBound(values, { ...options, delta: 0.01 }).bound).toBeGreaterThanOrEqual(
        bound - 1e-9,
      );
      const moved = meanUpperBound(
        values.map((value) => 4 * value - 3),
        { delta: 0.05, lower: -3, upper: 1.0000000001 },
      );
      expect(moved.bound).toBeCloseTo(4 * bound - 3, 5);
    }),
  );
});

test("a score out of the stated range is refused", () => {
  expect(() => meanUpperBound([0.5, 1.5], options)).toThrow(
    "scores[1] is 1.5: it must lie in [0, 1]",
  );
  expect(() => meanUpperBound([], options)).toThrow("scores is empty");
});
