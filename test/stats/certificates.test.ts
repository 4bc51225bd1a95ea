import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BandMethod,
  cvarLowerBound,
  cvarUpperBound,
  neededForCvar,
  varLowerBound,
  varUpperBound,
} from "../../src/stats/certificates.js";
import { mean } from "../../src/stats/intervals.js";
import { drawn, knownTails } from "./known-tails.js";

const delta = 0.05;
const methods: readonly BandMethod[] = ["dkw", "order-statistics"];

describe("over simulated samples (thousands: npm run bench's coverage.mjs)", () => {
  const draws = 200;
  // A bound that holds with 95 % fails in more than 26 of 200 draws with probability 1e-5.
  const allowed = 26;

  test.each(knownTails)("$name: the bounds hold, order statistics are the tighter", (tail) => {
    const alpha = 0.1;
    const truth = tail.cvar(alpha);
    const failed = { dkw: 0, "order-statistics": 0, var: 0 };
    const gaps = { dkw: 0, "order-statistics": 0 };
    for (let draw = 0; draw < draws; draw += 1) {
      const scores = drawn(tail, 300, draw);
      for (const method of methods) {
        const { bound } = cvarLowerBound(scores, { alpha, delta, lower: tail.lower, method });
        failed[method] += bound! > truth + 1e-6 ? 1 : 0;
        gaps[method] += truth - bound!;
      }
      const { bound } = varLowerBound(scores, { alpha, delta });
      failed.var += bound! > tail.quantile(alpha) ? 1 : 0;
    }
    expect(Math.max(...Object.values(failed))).toBeLessThanOrEqual(allowed);
    expect(gaps["order-statistics"]).toBeLessThan(0.8 * gaps.dkw);
  });

  test("the closed forms are those of the distributions", () => {
    for (const tail of knownTails) {
      const cells = 20_000;
      const worst = Array.from({ length: cells }, (_, i) =>
        tail.quantile((0.1 * (i + 0.5)) / cells),
      );
      expect(mean(worst) / tail.cvar(0.1) - 1).toBeCloseTo(0, 2);
    }
  });
});

describe("by hand", () => {
  test("DKW: mass ε at the lower bound, 1/n at each score", () => {
    const scores = Float64Array.from({ length: 200 }, (_, index) => (index < 10 ? 1 : 2));
    const margin = Math.sqrt(Math.log(20) / 400);
    const { bound } = cvarLowerBound(scores, { alpha: 0.5, delta, lower: 0, method: "dkw" });
    expect(bound).toBeCloseTo((0.05 * 1 + (0.45 - margin) * 2) / 0.5, 12);
  });

  test("one score: it stands for what lies over its bound 1 − δ", () => {
    const { bound } = cvarLowerBound([4], { alpha: 1, delta, lower: 0 });
    expect(bound).toBeCloseTo(0.05 * 4, 8);
  });

  test("VaR is an order statistic: of 100, P(Binomial(100, 0.1) ≤ 4) = 0.024", () => {
    const scores = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(varLowerBound(scores, { alpha: 0.1, delta })).toEqual({
      bound: 5,
      trivial: false,
      needed: null,
    });
    expect(varUpperBound(scores, { alpha: 0.1, delta }).bound).toBe(96);
  });
});

describe("too few samples", () => {
  test.each(methods)("%s: trivial up to the number needed, and not from it on", (method) => {
    for (const alpha of [0.25, 0.1, 0.05]) {
      const needed = neededForCvar({ alpha, delta, method });
      const of = (n: number) =>
        cvarLowerBound(new Float64Array(n).fill(3), { alpha, delta, lower: 1, method });
      expect(of(needed - 1)).toEqual({ bound: 1, method, trivial: true, needed });
      for (const more of [0, 1, 7, 50]) {
        expect(of(needed + more).trivial).toBe(false);
        expect(of(needed + more).bound).toBeGreaterThan(1);
      }
    }
  });

  test("of a tenth at 95 %: 37, 150 by DKW, 29 for VaR", () => {
    expect(neededForCvar({ alpha: 0.1, delta })).toBe(37);
    expect(neededForCvar({ alpha: 0.1, delta, method: "dkw" })).toBe(150);
    expect(varLowerBound([1], { alpha: 0.1, delta })).toEqual({
      bound: null,
      trivial: true,
      needed: 29,
    });
  });

  test("without a bound of the scores CVaR has none, however many there are", () => {
    const scores = new Float64Array(5000).fill(3);
    expect(cvarLowerBound(scores, { alpha: 0.1, delta, lower: null })).toMatchObject({
      bound: null,
      trivial: true,
      needed: null,
    });
  });
});

describe("properties", () => {
  const scores = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), {
    minLength: 1,
    maxLength: 120,
  });
  const method = fc.constantFrom(...methods);
  const alphas = fc.constantFrom(0.1, 0.3, 1);

  test("never over the sample's CVaR, never under the scores' bound; lower δ or L, lower bound", () => {
    fc.assert(
      fc.property(scores, alphas, method, (values, alpha, method) => {
        const at = (delta: number, lower: number) =>
          cvarLowerBound(values, { alpha, delta, lower, method }).bound!;
        const bound = at(0.05, 0);
        expect(bound).toBeGreaterThanOrEqual(0);
        expect(bound).toBeLessThanOrEqual(mean(values) + 1e-9);
        expect(at(0.01, 0)).toBeLessThanOrEqual(bound + 1e-9);
        expect(at(0.05, -1)).toBeLessThanOrEqual(bound + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  test("the sample ten times over raises it", () => {
    fc.assert(
      fc.property(scores, method, (values, method) => {
        const options = { alpha: 0.3, delta, lower: 0, method };
        const more = Array.from({ length: 10 }, () => values).flat();
        expect(cvarLowerBound(more, options).bound!).toBeGreaterThanOrEqual(
          cvarLowerBound(values, options).bound! - 1e-9,
        );
      }),
      { numRuns: 30 },
    );
  });

  test("moves and scales with the scores; the upper bound mirrors", () => {
    fc.assert(
      fc.property(scores, alphas, method, (values, alpha, method) => {
        const { bound } = cvarLowerBound(values, { alpha, delta, lower: 0, method });
        const moved = values.map((value) => 2 * value + 3);
        expect(cvarLowerBound(moved, { alpha, delta, lower: 3, method }).bound).toBeCloseTo(
          2 * bound! + 3,
          8,
        );
        const mirrored = values.map((value) => 10 - value);
        expect(cvarUpperBound(mirrored, { alpha, delta, upper: 10, method }).bound).toBeCloseTo(
          10 - bound!,
          8,
        );
      }),
      { numRuns: 60 },
    );
  });
});

test("a large tail is bounded by DKW, and says so", () => {
  const scores = new Float64Array(150_000).fill(1);
  expect(cvarLowerBound(scores, { alpha: 1, delta, lower: 0 }).method).toBe("dkw");
});

test("a score under the stated bound, and options out of range, are refused", () => {
  expect(() => cvarLowerBound([1, -2], { alpha: 0.1, delta, lower: 0 })).toThrow(
    "a score is -2, under the stated lower bound 0",
  );
  expect(() => cvarLowerBound([1], { alpha: 0.1, delta: 0.6, lower: 0 })).toThrow("delta is 0.6");
  expect(() => cvarLowerBound([1], { alpha: 0, delta, lower: 0 })).toThrow("alpha is 0");
  expect(() => cvarLowerBound([], { alpha: 0.1, delta, lower: 0 })).toThrow("scores is empty");
});
