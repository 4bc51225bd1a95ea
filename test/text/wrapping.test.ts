import fc from "fast-check";
import { expect, test } from "vitest";
import { cellsOf, displayWidth, wrapText } from "../../src/text/width.js";

test.each([
  ["breaks between words", "one two three", 7, ["one two", "three"]],
  [
    "breaks inside what no line would hold",
    "a configs/experiments/bad.yaml",
    10,
    ["a configs/", "experiment", "s/bad.yaml"],
  ],
  [
    "breaks languages without spaces at any character",
    "漢字かな交じり文",
    6,
    ["漢字か", "な交じ", "り文"],
  ],
  ["keeps a character that is wider than the line", "漢字", 1, ["漢", "字"]],
  [
    "keeps what is joined together",
    "👩‍👩‍👧👩‍👩‍👧e\u0301e\u0301",
    3,
    ["👩‍👩‍👧", "👩‍👩‍👧e\u0301", "e\u0301"],
  ],
  ["has one line of nothing", "", 5, [""]],
])("%s", (_, text, width, lines) => {
  expect(wrapText(text, width)).toEqual(lines);
});

test("no line is wider, and nothing but spaces is lost", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc
      .array(fc.constantFrom("a", "wörter", "漢字漢字漢字漢字", " ", "x".repeat(30), "😀"), {
        maxLength: 20,
      })
      .map((words) => words.join(" ")),
  );
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 20 }), (given, width) => {
      const lines = wrapText(given, width);
      // A cluster of three columns or more stands alone where the line has two.
      const widest = Math.max(width, ...[...cellsOf(given)].map((cell) => cell.width));
      expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(widest);
      expect(lines.join("").replaceAll(" ", "")).toBe(given.replaceAll(" ", ""));
    }),
  );
});
