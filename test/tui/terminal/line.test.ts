import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { fitLine, type Line, lineWidth, padLine } from "../../../src/tui/terminal/line.js";

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
        const widths = one.map((segment) => stringWidth(segment.text));
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
});
