import { expect, test } from "vitest";
import { smoothed } from "../../../src/tui/charts/smoothing.js";

test("a moving average is the value itself at first, follows a step, and keeps gaps", () => {
  const ys = Float64Array.from([0, 0, Number.NaN, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]);
  const slow = smoothed(ys, 3);
  expect(slow[0]).toBe(0);
  expect(slow[2]).toBeNaN();
  expect(slow[3]).toBeGreaterThan(0);
  expect(slow[3]).toBeLessThan(10);
  expect(slow.at(-1)).toBeCloseTo(10, 1);
  // Unbiased: of a constant it is that constant from the first on.
  expect([...smoothed(Float64Array.from([4, 4, 4]), 50)]).toEqual([4, 4, 4]);
  expect(smoothed(ys, 1)).toBe(ys);
  expect(smoothed(ys, 3)).toBe(slow);
});
