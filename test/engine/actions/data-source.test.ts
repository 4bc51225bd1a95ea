import { expect, test } from "vitest";
import { dataName } from "../../../src/config/data-sources.js";
import { dataSchema } from "../../../src/config/schema/data.js";
import { dataSourceOf } from "../../../src/engine/actions/data-source.js";

const source = (written: object) => dataSourceOf(dataSchema.parse(written));
const nothing = { column: null, values: null, not_values: null, below: null, above: null };

test("without keys, what ships with Averse is read as it is", () => {
  expect(source({})).toEqual({
    parts: [
      {
        place: { kind: "builtin" },
        weight: null,
        columns: null,
        good: null,
        filter: [],
        split: { train: null, test: null, fraction: null },
      },
    ],
    seed: 0,
    deduplicate: false,
    balance: null,
    limit: { train: null, test: null },
    max_overlap: 0.1,
    template: "auto",
    truncate: null,
  });
});

test("every short form is written out", () => {
  const { parts, ...rest } = source({
    path: { train: "a.csv", test: "b.csv" },
    columns: { text: "comment" },
    good: 1,
    filter: { column: "lang", is: "en" },
    limit: 5,
    split: { test: 0.2, seed: 7 },
  });
  expect(parts).toEqual([
    {
      place: { kind: "pair", train: "a.csv", test: "b.csv" },
      weight: null,
      columns: { text: "comment" },
      good: { ...nothing, values: [1] },
      filter: [{ ...nothing, column: "lang", values: ["en"] }],
      split: { train: null, test: null, fraction: 0.2 },
    },
  ]);
  expect(rest).toMatchObject({ seed: 7, limit: { train: 5, test: 5 } });
});

test.each([
  [["a", "b"], { ...nothing, values: ["a", "b"] }],
  [true, { ...nothing, values: [true] }],
  [
    { column: "toxicity", below: 0.5, above: 0 },
    { ...nothing, column: "toxicity", below: 0.5, above: 0 },
  ],
  [
    { column: "x", not: [1, 2] },
    { ...nothing, column: "x", not_values: [1, 2] },
  ],
])("good: %j", (good, expected) => {
  expect(source({ path: "x.csv", good }).parts[0]!.good).toEqual(expected);
});

test("what a source of several leaves out is taken from beside them", () => {
  const written = {
    columns: { text: "t" },
    good: "yes",
    sources: [
      { path: "a.csv", weight: 1 },
      { hub: "owner/name", config: "plain", weight: 3, columns: { text: "own" }, split: 0.3 },
    ],
  };
  const { parts } = source(written);
  expect(
    parts.map(({ place, weight, columns, good, split }) => [
      place,
      weight,
      columns,
      good?.values,
      split.fraction,
    ]),
  ).toEqual([
    [{ kind: "path", path: "a.csv" }, 1, { text: "t" }, ["yes"], null],
    [
      { kind: "hub", id: "owner/name", config: "plain", revision: null },
      3,
      { text: "own" },
      ["yes"],
      0.3,
    ],
  ]);
  expect(dataName(dataSchema.parse(written))).toBe("a.csv × 1 + hub:owner/name × 3");
});
