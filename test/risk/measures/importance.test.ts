/** Importance weights in a measure: an episode of weight 3 counts as three episodes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { riskMeasureNames, riskMeasures } from "../../../src/risk/measures/registry.js";
import { weightedTail } from "../../../src/risk/weighted-tail.js";
import { generator } from "../../../src/stats/random.js";
import { numbersOf, riskInput } from "./inputs.js";

/** `random-drop` draws episodes, not copies of them. */
const names = riskMeasureNames.filter(
  (name) => riskMeasures[name].takesImportance === true && name !== "random-drop",
);

const batches = fc
  .array(
    fc.record({
      value: fc.float({ min: -20, max: 20, noNaN: true }),
      copies: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 2, maxLength: 20 },
  )
  .chain((episodes) =>
    fc.record({
      episodes: fc.constant(episodes),
      kept: fc.integer({ min: 1, max: episodes.reduce((sum, { copies }) => sum + copies, 0) }),
      mixture: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  );

function weigh(
  name: (typeof names)[number],
  values: Float32Array,
  kept: number,
  mixture: number,
  importance: { weights: Float64Array; tail: Float64Array } | null,
) {
  const settings = { mixture, temperature: 3 };
  const input = riskInput(values, { kept, random: generator(1), settings, importance });
  return numbersOf(riskMeasures[name], input);
}

test("is taken by the mean, the tail and what is between them", () => {
  expect(names).toEqual(
    expect.arrayContaining(["mean", "cvar", "cvar-gradient", "mean-cvar", "entropic"]),
  );
});

describe.each(names)("%s", (name) => {
  test("weighs an episode as all its copies together", () => {
    fc.assert(
      fc.property(batches, ({ episodes, kept, mixture }) => {
        const values = Float32Array.from(episodes, ({ value }) => value);
        const weights = Float64Array.from(episodes, ({ copies }) => copies);
        const owner = episodes.flatMap(({ copies }, at) => Array<number>(copies).fill(at));
        const copies = Float32Array.from(owner, (at) => values[at]!);
        const tail = weightedTail(values, weights, kept / owner.length).parts;
        const inTail = tail.filter((part) => part > 0).length;
        const found = weigh(name, values, inTail, mixture, { weights, tail });
        const together = new Float64Array(values.length);
        for (const [copy, own] of weigh(name, copies, kept, mixture, null).entries()) {
          together[owner[copy]!]! += own;
        }
        const sum = (all: ArrayLike<number>) => Array.from(all).reduce((total, w) => total + w, 0);
        for (const [at, own] of found.entries()) {
          expect(own / sum(found)).toBeCloseTo(together[at]! / sum(together), 5);
        }
      }),
    );
  });
});
