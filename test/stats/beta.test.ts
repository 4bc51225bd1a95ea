import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { betaQuantile, incompleteBeta, rateBound } from "../../src/stats/beta.js";

describe("against SciPy", () => {
  test.each([
    [0.05, 1, 1000, 5.129197890901781e-5],
    [0.01, 3, 998, 0.0004363865640761268],
    [0.3, 50, 51, 0.46889043197523433],
    [1e-6, 2, 100, 1.4078489758117228e-5],
    [0.95, 999000, 1001, 0.9990504421884696],
    [0.005, 100001, 900000, 0.09922965227948603],
    [0.5, 0.5, 0.5, 0.5],
    [1e-12, 10, 3, 0.041822682848349654],
  ])("quantile %d of Beta(%d, %d)", (p, a, b, expected) => {
    expect(betaQuantile(p, a, b) / expected - 1).toBeCloseTo(0, 11);
  });

  test.each([
    [0.3 / 1001, 1, 1000, 0.25899300872400766],
    [0.3 * (50 / 101), 50, 51, 1.520365155216377e-16],
    [0.3 * (10 / 13), 10, 3, 1.7662931474266088e-5],
  ])("I at %d of Beta(%d, %d)", (x, a, b, expected) => {
    expect(incompleteBeta(x, a, b) / expected - 1).toBeCloseTo(0, 10);
  });

  test("Clopper–Pearson bounds (binomtest, one-sided)", () => {
    expect(rateBound(3, 50, 0.05, "upper")).toBeCloseTo(0.1478371763641841, 12);
    expect(rateBound(3, 50, 0.05, "lower")).toBeCloseTo(0.01655185918922988, 12);
    expect(rateBound(0, 50, 0.01, "upper")).toBeCloseTo(0.08798916064409174, 12);
  });
});

const shape = fc.double({ min: 1, max: 5000, noNaN: true });

test("the quantile inverts the distribution function, and I mirrors", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }), shape, shape, (p, a, b) => {
      const x = betaQuantile(p, a, b);
      fc.pre(x > 1e-300 && x < 1 - 1e-9);
      expect(incompleteBeta(x, a, b)).toBeCloseTo(p, 8);
      expect(incompleteBeta(1 - x, b, a)).toBeCloseTo(1 - p, 8);
    }),
  );
});

test("a rate's bounds lie on both sides of it, and tighten with n", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (n, drawn) => {
      const k = drawn % (n + 1);
      expect(rateBound(k, n, 0.05, "lower")).toBeLessThanOrEqual(k / n);
      expect(rateBound(k, n, 0.05, "upper")).toBeGreaterThanOrEqual(k / n);
      expect(rateBound(k * 10, n * 10, 0.05, "upper")).toBeLessThanOrEqual(
        rateBound(k, n, 0.05, "upper"),
      );
    }),
  );
  expect(rateBound(0, 7, 0.05, "lower")).toBe(0);
  expect(rateBound(7, 7, 0.05, "upper")).toBe(1);
});

test("what is out of range is refused", () => {
  expect(() => rateBound(8, 7, 0.05, "upper")).toThrow("k is 8: a whole number from 0 to 7");
  expect(() => rateBound(1, 7, 0, "upper")).toThrow("delta is 0");
  expect(() => betaQuantile(1.5, 1, 1)).toThrow("p is 1.5");
  expect(() => incompleteBeta(0.5, 0, 1)).toThrow("a is 0");
});
