import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renamedTo } from "../../src/config/names/renamed-keys.js";
import { keyReferences } from "../../src/config/reference.js";
import { unknownKey } from "../../src/config/schema-problems.js";
import { editDistance, nearestName } from "../../src/text/nearest-name.js";

describe("edit distance", () => {
  test.each([
    ["", "", 0],
    ["abc", "", 3],
    ["alpha", "alhpa", 1],
    ["alpha", "alfa", 2],
    ["warmup", "warmpu", 1],
    ["kitten", "sitting", 3],
  ])("%j to %j is %d", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  const word = fc.string({ maxLength: 12 });

  test("is 0 for the same word alone, symmetric, and at most the longer word", () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });
});

describe("the nearest name", () => {
  test.each([
    ["newTokens", "new_tokens"],
    ["new-tokens", "new_tokens"],
    ["LearningRate", "learning_rate"],
    ["bta", "beta"],
    ["zzz", null],
    ["", null],
  ])("to %j is %j", (name, expected) => {
    expect(nearestName(name, ["new_tokens", "learning_rate", "beta"])).toBe(expected);
  });

  const key = fc.constantFrom(
    ...keyReferences.map((entry) => entry.key).filter((name) => name.includes(".")),
  );
  const letter = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz_");

  test("to a known key with one wrong letter is a key at most as far away", () => {
    fc.assert(
      fc.property(
        key,
        fc.nat(),
        letter,
        fc.constantFrom("replace", "insert", "drop"),
        (known, at, char, how) => {
          const [section, last] = known.split(".") as [string, string];
          fc.pre(last.length >= 4);
          const place = at % last.length;
          const rest = how === "insert" ? last.slice(place) : last.slice(place + 1);
          const wrong = `${section}.${last.slice(0, place)}${how === "drop" ? "" : char}${rest}`;
          fc.pre(!keyReferences.some((entry) => entry.key === wrong) && renamedTo(wrong) === null);
          const { remedy } = unknownKey(wrong.split("."), { override: "" });
          const meant = /^Did you mean (\S+)\?$/.exec(remedy)?.[1];
          expect(meant).toBeDefined();
          expect(editDistance(meant!, wrong)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
