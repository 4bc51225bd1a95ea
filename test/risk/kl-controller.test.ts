import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { controlledKl, nextBeta } from "../../src/risk/kl-controller.js";

const paper = { target: 6, k_beta: 0.0128, clip: 0.2 };
const kl = fc.double({ min: -100, max: 100, noNaN: true });
const beta = fc.double({ min: 0, max: 10, noNaN: true });

describe("nextBeta", () => {
  test("worked by hand with the paper's settings", () => {
    expect(nextBeta(0.2, 6, paper)).toBe(0.2);
    // e = 0.1
    expect(nextBeta(0.2, 6.6, paper)).toBeCloseTo(0.2 * 1.00128, 12);
    // e = 1, clipped to 0.2
    expect(nextBeta(0.2, 12, paper)).toBeCloseTo(0.2 * 1.00256, 12);
    // e = −1, clipped to −0.2
    expect(nextBeta(0.2, 0, paper)).toBeCloseTo(0.2 * 0.99744, 12);
  });

  test("rises over the target, falls under it, by at most K_β·clip", () => {
    fc.assert(
      fc.property(beta, kl, (before, mean) => {
        const after = nextBeta(before, mean, paper);
        expect((after - before) * (mean - paper.target)).toBeGreaterThanOrEqual(0);
        expect(Math.abs(after - before)).toBeLessThanOrEqual(before * 0.0128 * 0.2 + 1e-12);
      }),
    );
  });

  test("never falls as the KL grows", () => {
    fc.assert(
      fc.property(beta, kl, kl, (before, a, b) => {
        expect(nextBeta(before, Math.min(a, b), paper)).toBeLessThanOrEqual(
          nextBeta(before, Math.max(a, b), paper),
        );
      }),
    );
  });

  test("is never negative, however large the gain", () => {
    expect(nextBeta(0.2, 0, { target: 6, k_beta: 100, clip: 1 })).toBe(0);
  });

  test("holds β with a gain of 0, and β = 0 stays 0", () => {
    fc.assert(
      fc.property(beta, kl, (before, mean) => {
        expect(nextBeta(before, mean, { ...paper, k_beta: 0 })).toBe(before);
        expect(nextBeta(0, mean, paper)).toBe(0);
      }),
    );
  });

  test("refuses figures that say nothing", () => {
    expect(() => nextBeta(0.2, Number.NaN, paper)).toThrow(/klMean\[0\] is NaN/);
    expect(() => nextBeta(Number.NaN, 6, paper)).toThrow(/beta is NaN/);
    expect(() => nextBeta(-0.1, 6, paper)).toThrow(/beta is -0.1/);
    expect(() => nextBeta(0.2, 6, { ...paper, target: 0 })).toThrow(/target 0/);
    expect(() => nextBeta(0.2, 6, { ...paper, clip: 0 })).toThrow(RangeError);
    expect(() => nextBeta(0.2, 6, { ...paper, k_beta: -1 })).toThrow(RangeError);
  });
});

describe("controlledKl", () => {
  const kls = [1, 2, 3, 10];

  test("by population, worked by hand", () => {
    const weights = [1, 0, 0, 1];
    expect(controlledKl(kls, weights, "kept")).toBe(5.5);
    expect(controlledKl(kls, weights, "batch")).toBe(4);
    expect(controlledKl(kls, weights, "kept-over-batch")).toBe(2.75);
  });

  test("counts every kept episode alike, whatever its weight", () => {
    expect(controlledKl(kls, [0.1, 0, 0, 1.9], "kept")).toBe(5.5);
  });

  test("all three agree when every episode is kept", () => {
    fc.assert(
      fc.property(fc.array(kl, { minLength: 1 }), (values) => {
        const weights = values.map(() => 1);
        const all = controlledKl(values, weights, "batch");
        expect(controlledKl(values, weights, "kept")).toBe(all);
        expect(controlledKl(values, weights, "kept-over-batch")).toBe(all);
      }),
    );
  });

  test("kept-over-batch is k/B of kept: the looser leash", () => {
    const episodes = fc.array(fc.tuple(kl, fc.boolean()), { minLength: 1 });
    fc.assert(
      fc.property(episodes, (drawn) => {
        const values = drawn.map(([value]) => value);
        const weights = drawn.map(([, kept], index) => (kept || index === 0 ? 1 : 0));
        const kept = weights.filter((weight) => weight > 0).length;
        expect(controlledKl(values, weights, "kept-over-batch")).toBeCloseTo(
          (controlledKl(values, weights, "kept") * kept) / values.length,
          9,
        );
      }),
    );
  });

  test("refuses an empty batch, uneven arrays, NaN, and a batch with nothing kept", () => {
    expect(() => controlledKl([], [], "batch")).toThrow(/kl is empty/);
    expect(() => controlledKl([1], [1, 1], "kept")).toThrow(/kl has 1 values and weights has 2/);
    expect(() => controlledKl([1, Number.NaN], [1, 0], "kept")).toThrow(/kl\[1\] is NaN/);
    expect(() => controlledKl([1], [Number.NaN], "kept")).toThrow(/weights\[0\]/);
    expect(() => controlledKl([1, 2], [0, 0], "kept")).toThrow(/no episode is kept/);
  });
});
