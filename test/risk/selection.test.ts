import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countWithTies, worst } from "../../src/risk/selection.js";
import { generator } from "../../src/stats/random.js";

/** Few distinct values, so that most batches have ties at the threshold. */
const tied = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 80 });
const reals = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 80 });

/** The plain definition, slow. */
function byDefinition(statistic: readonly number[], count: number): number[] {
  return statistic
    .map((value, index) => ({ value, index }))
    .sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : a.index - b.index))
    .slice(0, count)
    .map(({ index }) => index);
}

describe("worst", () => {
  test.each([
    [[3, 1, 2], 2, [1, 2]],
    [[5, 5, 5, 5], 2, [0, 1]],
    [[1, 0, 1, 0, 1], 3, [1, 3, 0]],
    [[2, 1], 0, []],
    [[], 0, []],
    [[0, -0, 0], 2, [0, 1]],
    [[1, 2, 3], 3, [0, 1, 2]],
  ])("of %j takes %i: %j", (statistic, count, expected) => {
    expect([...worst(statistic, count)]).toEqual(expected);
  });

  test.each([
    ["ties", tied],
    ["reals", reals],
  ])("is the plain definition, for every count (%s)", (_, batches) => {
    fc.assert(
      fc.property(batches, fc.nat(), (statistic, any) => {
        const count = any % (statistic.length + 1);
        expect([...worst(statistic, count)]).toEqual(byDefinition(statistic, count));
      }),
    );
  });

  test("gives exactly as many as asked, none twice", () => {
    fc.assert(
      fc.property(tied, fc.nat(), (statistic, any) => {
        const count = any % (statistic.length + 1);
        expect(new Set(worst(statistic, count)).size).toBe(count);
      }),
    );
  });

  test("adding one to the count adds one episode and moves none", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1 }), (statistic) => {
        const all = [...worst(statistic, statistic.length)];
        for (let count = 0; count <= statistic.length; count += 1) {
          expect([...worst(statistic, count)]).toEqual(all.slice(0, count));
        }
      }),
    );
  });

  test("reads single precision without touching it", () => {
    const statistic = Float32Array.of(0.3, 0.1, 0.2);
    expect([...worst(statistic, 2)]).toEqual([1, 2]);
    expect([...statistic]).toEqual([...Float32Array.of(0.3, 0.1, 0.2)]);
  });

  test("takes 100,000 episodes in moments", () => {
    const random = generator(1);
    const statistic = Float32Array.from({ length: 100_000 }, random);
    const chosen = worst(statistic, 40_000);
    const highest = statistic[chosen[39_999]!]!;
    expect(statistic.filter((value) => value < highest).length).toBeLessThan(40_000);
    expect(statistic.filter((value) => value <= highest).length).toBeGreaterThanOrEqual(40_000);
  });

  test.each([-1, 4, 1.5, Number.NaN])("refuses a count of %d among three", (count) => {
    expect(() => worst([1, 2, 3], count)).toThrow(/count is/);
  });

  test("refuses NaN and infinities, naming the episode", () => {
    expect(() => worst([1, Number.NaN], 1)).toThrow(/statistic\[1\] is NaN/);
    expect(() => worst([Infinity, 0], 1)).toThrow(/statistic\[0\] is Infinity/);
  });
});

describe("with ties", () => {
  test.each([
    [[3, 1, 2], 2, 2],
    [[5, 5, 5, 5], 2, 4],
    [[1, 0, 1, 0, 1], 3, 5],
    [[1, 0, 1, 0, 1], 1, 2],
    [[0, -0, 2], 1, 2],
  ])("of %j, %i become %i", (statistic, count, expected) => {
    expect(countWithTies(statistic, count)).toBe(expected);
  });

  test("are all values at or under the quantile, and none over it", () => {
    fc.assert(
      fc.property(
        tied.filter(({ length }) => length > 0),
        fc.nat(),
        (statistic, any) => {
          const count = 1 + (any % statistic.length);
          const quantile = [...statistic].sort((a, b) => a - b)[count - 1]!;
          expect(countWithTies(statistic, count)).toBe(
            statistic.filter((value) => value <= quantile).length,
          );
        },
      ),
    );
  });
});
