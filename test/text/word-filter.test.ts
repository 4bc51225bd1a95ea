import { expect, test } from "vitest";
import { wordFilter } from "../../src/text/word-filter.js";

test.each([
  ["", true],
  ["  QUICK done ", true],
  ["quick seeds", false],
  ["start", true],
])("%j: %s", (query, fits) => {
  expect(wordFilter(query)(["quickstart-1", "done"])).toBe(fits);
});
