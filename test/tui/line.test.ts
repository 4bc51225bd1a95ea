import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { displayWidth } from "../../src/text/width.js";
import { besides, fitLine, type Line, lineText, lineWidth, padLine } from "../../src/tui/line.js";

const style = { unicode: true, color: true };
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom("全角", "👍🏽", "─│░█", "⣿⠁", "α' −1.96", "e\u0301", "◽"),
);
const line: fc.Arbitrary<Line> = fc.array(
  text.map((part) => ({ text: part })),
  { maxLength: 6 },
);

describe("lines", () => {
  test("are as wide as their text", () => {
    fc.assert(
      fc.property(line, (one) => {
        const widths = one.map((segment) => displayWidth(segment.text));
        expect(lineWidth(one)).toBe(widths.reduce((sum, width) => sum + width, 0));
      }),
    );
  });

  test("pad to exactly a width, and fit in it", () => {
    fc.assert(
      fc.property(line, fc.nat(40), (one, width) => {
        expect(lineWidth(fitLine(one, width, style))).toBeLessThanOrEqual(width);
        expect(lineWidth(padLine(one, width, style))).toBe(width);
      }),
    );
  });

  test("stand side by side in columns that line up", () => {
    const block = fc.tuple(fc.array(line, { maxLength: 5 }), fc.nat(20));
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), fc.nat(3), (blocks, gap) => {
        const columns = blocks.map(([lines, width]) => ({ lines, width }));
        const joined = besides(columns, gap, style);
        const total = columns.reduce((sum, { width }) => sum + width, gap * (columns.length - 1));
        expect(joined).toHaveLength(Math.max(...columns.map(({ lines }) => lines.length)));
        for (const one of joined) {
          expect(lineWidth(one)).toBe(total);
        }
      }),
    );
  });

  test("say what they say", () => {
    const left = { lines: [[{ text: "one" }], [{ text: "twotwo" }]], width: 4 };
    const right = { lines: [[{ text: "x", bold: true }]], width: 2 };
    expect(besides([left, right], 1, style).map(lineText)).toEqual(["one  x ", "two…   "]);
  });
});
