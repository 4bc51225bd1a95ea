import { expect, test } from "vitest";
import { normalCdf, normalQuantile } from "../../src/stats/normal.js";

// Of Python 3.13's statistics.NormalDist and math.erfc.
test.each([
  [-8, 6.220960574271785e-16],
  [-3, 0.0013498980316300946],
  [-1.5, 0.06680720126885806],
  [-0.3, 0.3820885778110474],
  [0, 0.5],
  [1, 0.8413447460685429],
  [2.5, 0.9937903346742238],
  [7, 0.9999999999987201],
])("Φ(%d) is %d", (z, probability) => {
  expect(Math.abs(normalCdf(z) - probability)).toBeLessThan(1e-14);
});

test.each([
  [1e-300, -37.0470962993612],
  [1e-10, -6.361340902404056],
  [0.01, -2.3263478740408408],
  [0.07, -1.4757910281791702],
  [0.2, -0.8416212335729142],
  [0.95, 1.6448536269514715],
  [0.999, 3.090232306167813],
])("Φ⁻¹(%d) is %d", (p, z) => {
  expect(normalQuantile(p) / z).toBeCloseTo(1, 14);
});

test("the median is 0, and 0, 1 and what is no probability are refused", () => {
  expect(normalQuantile(0.5)).toBe(0);
  expect([normalCdf(-40), normalCdf(40)]).toEqual([0, 1]);
  for (const p of [0, 1, -0.1, Number.NaN]) expect(() => normalQuantile(p)).toThrow(/p is/);
});
