import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpolateAt } from "../../src/stats/interpolation.js";

const coordinate = fc.integer({ min: -100, max: 100 });
const points = fc.array(fc.record({ x: coordinate, y: coordinate }), { minLength: 1 });

describe("interpolateAt", () => {
  const curve = [
    { x: 4, y: 1 },
    { x: 0, y: -3 },
    { x: 2, y: 3 },
  ];

  test.each([
    [0, -3],
    [1, 0],
    [2, 3],
    [3, 2],
    [4, 1],
  ])("at %d is %d, whatever the points' order", (x, y) => {
    expect(interpolateAt(curve, x)).toBe(y);
    expect(interpolateAt([...curve].reverse(), x)).toBe(y);
  });

  test.each([-0.01, 4.01])("never extrapolates: null at %d", (x) => {
    expect(interpolateAt(curve, x)).toBeNull();
  });

  test("no points, no curve; one point, one value", () => {
    expect(interpolateAt([], 1)).toBeNull();
    expect(interpolateAt([{ x: 1, y: 5 }], 1)).toBe(5);
    expect(interpolateAt([{ x: 1, y: 5 }], 2)).toBeNull();
  });

  test("a KL that comes back to the same value counts once, with the mean", () => {
    const returning = [
      { x: 0, y: 0 },
      { x: 2, y: 4 },
      { x: 2, y: 8 },
    ];
    expect(interpolateAt(returning, 2)).toBe(6);
    expect(interpolateAt(returning, 1)).toBe(3);
  });

  test("stays within the points' heights, and is null exactly outside their range", () => {
    fc.assert(
      fc.property(points, fc.double({ min: -120, max: 120, noNaN: true }), (drawn, x) => {
        const y = interpolateAt(drawn, x);
        const xs = drawn.map((point) => point.x);
        const ys = drawn.map((point) => point.y);
        if (x < Math.min(...xs) || x > Math.max(...xs)) {
          expect(y).toBeNull();
        } else {
          expect(y!).toBeGreaterThanOrEqual(Math.min(...ys) - 1e-9);
          expect(y!).toBeLessThanOrEqual(Math.max(...ys) + 1e-9);
        }
      }),
    );
  });

  test("reads a straight line exactly", () => {
    fc.assert(
      fc.property(fc.array(coordinate, { minLength: 2 }), coordinate, (xs, x) => {
        const line = xs.map((at) => ({ x: at, y: 2 * at - 1 }));
        fc.pre(x >= Math.min(...xs) && x <= Math.max(...xs));
        expect(interpolateAt(line, x)).toBeCloseTo(2 * x - 1, 9);
      }),
    );
  });

  test("refuses NaN", () => {
    expect(() => interpolateAt(curve, Number.NaN)).toThrow(/x\[0\] is NaN/);
    expect(() => interpolateAt([{ x: 0, y: Number.NaN }], 0)).toThrow(/point\[1\] is NaN/);
  });
});
