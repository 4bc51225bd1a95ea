import { describe, expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatFraction,
  formatNumber,
  formatSigned,
} from "../../src/text/numbers.js";

describe("formatNumber", () => {
  test.each([
    [-2.746, 2, "−2.75"],
    [-0.001, 2, "0.00"],
    [999_999.4, 0, "999999"],
    [1_234_567.8, 1, "1.2e6"],
    [-1.0142320547350045e304, 1, "−1.0e304"],
    [Number.NaN, 2, "–"],
    [null, 2, "–"],
    [Number.POSITIVE_INFINITY, 0, "–"],
  ])("%s with %i digits is %s", (value, digits, text) => {
    expect(formatNumber(value, digits)).toBe(text);
  });

  test("stays in ASCII where asked", () => {
    expect(formatNumber(-1, 1, { unicode: false })).toBe("-1.0");
    expect(formatNumber(null, 1, { unicode: false })).toBe("-");
  });
});

test("formatSigned shows a plus, and no sign on what rounds to zero", () => {
  expect([0.613, -0.613, 0.001, -0.001, null].map((value) => formatSigned(value, 2))).toEqual([
    "+0.61",
    "−0.61",
    "0.00",
    "0.00",
    "–",
  ]);
});

test.each([
  [0.04, "0.0 s"],
  [9.94, "9.9 s"],
  [9.96, "10 s"],
  [59.6, "1 m 00 s"],
  [252, "4 m 12 s"],
  [3599.7, "1 h 00 m"],
  [3900, "1 h 05 m"],
  [-1, "–"],
  [null, "–"],
])("formatDuration of %s is %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test.each([
  [0, "0"],
  [950, "950"],
  [999.6, "1 k"],
  [12_400, "12.4 k"],
  [3_140_000, "3.14 M"],
])("formatCount of %s is %s", (value, text) => {
  expect(formatCount(value)).toBe(text);
});

test.each([
  [0.1, "10 %"],
  [0.07, "7 %"],
  [0.025, "2.5 %"],
  [0.000004, "0 %"],
])("formatFraction of %s is %s", (share, text) => {
  expect(formatFraction(share)).toBe(text);
});

test.each([
  [0, "0 B"],
  [554, "554 B"],
  [1200, "1.2 kB"],
  [48_100_000, "48.1 MB"],
  [1.24e9, "1.24 GB"],
])("formatBytes of %s is %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
