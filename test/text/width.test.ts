import fc from "fast-check";
import { expect, test } from "vitest";
import { cellsOf, displayWidth, pad, truncate } from "../../src/text/width.js";

test.each([
  ["plain", 5],
  ["CVaR₀.₁", 7],
  ["−2.75 ±0.05", 11],
  ["漢字", 4],
  ["한글", 4],
  ["😀", 2],
  ["👩‍👩‍👧", 2],
  ["e\u0301", 1],
  ["", 0],
])("%s takes %i columns", (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

test("truncate cuts whole characters and marks the cut", () => {
  expect(truncate("ra-rlhf-hard", 8)).toBe("ra-rlhf…");
  expect(truncate("ra-rlhf", 7)).toBe("ra-rlhf");
  expect(truncate("漢字漢字", 4)).toBe("漢…");
  expect(truncate("abc", 0)).toBe("");
});

test("what is cut or padded to a width has at most, and exactly, that width", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 30 });
  fc.assert(
    fc.property(text, fc.nat(40), (given, width) => {
      const cut = truncate(given, width);
      return displayWidth(cut) <= width && displayWidth(pad(cut, width, "right")) === width;
    }),
  );
});

test("cells of long texts are those of the text as a whole", () => {
  const pieces = fc.constantFrom(
    "a",
    "漢",
    "e\u0301",
    "👩‍👩‍👧",
    "🇩🇪🇫🇷",
    "👍🏽",
    "\u0301",
    "क्षि",
    "\ud83d",
    "한",
    "\u200d",
  );
  const whole = new Intl.Segmenter("en", { granularity: "grapheme" });
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 600 }), fc.nat(600), (parts, marks) => {
      const text = parts.join("") + "\u0302".repeat(marks) + parts.join("");
      const cells = [...cellsOf(text)].map((cell) => cell.text);
      expect(cells).toEqual([...whole.segment(text)].map(({ segment }) => segment));
    }),
    {
      numRuns: 60,
      examples: [
        [["👩‍👩‍👧".repeat(400)], 0],
        [["x".repeat(255), "👍🏽"], 600],
      ],
    },
  );
});
