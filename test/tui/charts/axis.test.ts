import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { endsOf, fractionIn, rangeOf, ticks, widened } from "../../../src/tui/charts/axis.js";

const plain = { unicode: false };

function texts(low: number, high: number, most: number, whole = false): string[] {
  return ticks({ low, high }, { most, whole, style: plain }).map(({ text }) => text);
}

describe("ticks", () => {
  test.each([
    [0, 1, 6, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]],
    [-4.3, 1.2, 4, ["-4", "-2", "0"]],
    [0, 194, 5, ["0", "50", "100", "150"]],
    [0, 10_000, 3, ["0", "5000", "10000"]],
    [1.2e-9, 4.8e-9, 4, ["2e-9", "3e-9", "4e-9"]],
    [0, 3e12, 4, ["0", "1e12", "2e12", "3e12"]],
    // Fewer than two round numbers: the ends.
    [0.11, 0.19, 2, ["0.110", "0.190"]],
  ])("of %d … %d, at most %d", (low, high, most, expected) => {
    expect(texts(low, high, most)).toEqual(expected);
  });

  test("of counts are whole", () => {
    expect(texts(0, 1, 6, true)).toEqual(["0", "1"]);
    expect(texts(0, 3, 10, true)).toEqual(["0", "1", "2", "3"]);
  });

  test("have a true minus sign where it can be shown", () => {
    const shown = ticks({ low: -2, high: -1 }, { most: 2, style: { unicode: true } });
    expect(shown.map(({ text }) => text)).toEqual(["−2", "−1"]);
  });

  test("of the ends alone: counts whole, and no sign to what is rounded to zero", () => {
    const shown = (low: number, high: number, whole: boolean): string[] =>
      endsOf({ low, high }, { whole, style: plain }).map(({ text }) => text);
    expect(shown(-0.477, 1.18, false)).toEqual(["-0.48", "1.18"]);
    expect(shown(-0.004, 2.5, false)).toEqual(["0.0", "2.5"]);
    expect(shown(0, 13, true)).toEqual(["0", "13"]);
    expect(shown(7, 7, true)).toEqual(["7"]);
  });

  const ends = fc.oneof(
    fc.tuple(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    ),
    fc.tuple(
      fc.double({ min: -100, max: 100, noNaN: true }),
      fc.double({ min: -100, max: 100, noNaN: true }),
    ),
  );

  test("lie within the range, ascend, differ, and are no more than asked for", () => {
    fc.assert(
      fc.property(ends, fc.integer({ min: 2, max: 12 }), fc.boolean(), ([a, b], most, whole) => {
        const range = widened({ low: Math.min(a, b), high: Math.max(a, b) });
        const found = ticks(range, { most, whole, style: plain });
        expect(found.length).toBeGreaterThanOrEqual(1);
        expect(found.length).toBeLessThanOrEqual(most);
        expect(new Set(found.map(({ text }) => text)).size).toBe(found.length);
        for (const [at, { value, text }] of found.entries()) {
          expect(fractionIn(value, range)).toBeGreaterThanOrEqual(0);
          expect(text).toMatch(/^-?[\d.]+(e-?\d+)?$/);
          expect(value).toBeGreaterThan(found[at - 1]?.value ?? -Infinity);
        }
      }),
    );
  });

  test("say what their value is, to the digits they have", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.double({ min: 1e-6, max: 10, noNaN: true }),
        (low, share) => {
          const span = share * Math.max(1, Math.abs(low));
          const range = { low, high: low + span };
          for (const { value, text } of ticks(range, { most: 6, style: plain })) {
            expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(span / 20);
          }
        },
      ),
    );
  });
});

describe("ranges", () => {
  test("leave out what is no number", () => {
    expect(rangeOf([null, Number.NaN, 3, -1, Number.POSITIVE_INFINITY])).toEqual({
      low: -1,
      high: 3,
    });
    expect(rangeOf([null, Number.NaN])).toBeNull();
  });

  test("of one value get room, at any size", () => {
    for (const one of [0, 5e-324, -1, 1e300, Number.MAX_VALUE]) {
      const { low, high } = widened({ low: one, high: one });
      expect(low).toBeLessThan(high);
      expect(Number.isFinite(low) && Number.isFinite(high)).toBe(true);
    }
  });

  test("give fractions that do not overflow", () => {
    const widest = { low: -Number.MAX_VALUE, high: Number.MAX_VALUE };
    expect(fractionIn(0, widest)).toBe(0.5);
    expect(fractionIn(7, { low: 0, high: 5 })).toBe(1);
  });
});
