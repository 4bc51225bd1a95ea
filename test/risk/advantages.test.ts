/** Advantages without a critic, against formulas written out per episode. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bestOfGroup,
  equalGroups,
  groupRelative,
  leaveOneOut,
  leaveOneOutOfBatch,
  type Returns,
  riskWeighted,
} from "../../src/risk/advantages.js";

const none: ReadonlySet<number> = new Set();

/** Groups of returns with some failures, as one batch. */
const batches = fc
  .tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 8 }))
  .chain(([completions, prompts]) =>
    fc.record({
      completions: fc.constant(completions),
      returns: fc.array(fc.double({ min: -50, max: 50, noNaN: true }), {
        minLength: completions * prompts,
        maxLength: completions * prompts,
      }),
      failed: fc
        .array(fc.nat({ max: completions * prompts - 1 }), { maxLength: completions * prompts - 1 })
        .map((places): ReadonlySet<number> => new Set(places)),
    }),
  );

const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function spread(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1));
}

/** Places of the scored completions of an episode's prompt. */
function groupOf(episode: number, completions: number, failed: ReadonlySet<number>): number[] {
  const start = completions * Math.floor(episode / completions);
  return Array.from({ length: completions }, (_, i) => start + i).filter((at) => !failed.has(at));
}

describe("the best of a group", () => {
  test("is 1, of equal ones the first, and the others are 0", () => {
    const returns = [1, 6, 2, 5, 5, 5];
    expect([...bestOfGroup({ returns, completions: 3, failed: none })]).toEqual([0, 1, 0, 1, 0, 0]);
    const failed = new Set([1, 3, 4]);
    expect([...bestOfGroup({ returns, completions: 3, failed })]).toEqual([0, 0, 1, 0, 0, 0]);
  });

  test("never moves with the scale of the returns", () => {
    fc.assert(
      fc.property(batches, (input) => {
        const doubled = { ...input, returns: input.returns.map((one) => 2 * one) };
        expect(bestOfGroup(doubled)).toEqual(bestOfGroup(input));
      }),
    );
  });
});

describe("leave one out", () => {
  test("compares an episode with the prompt's others", () => {
    const found = leaveOneOut({ returns: [1, 2, 6, 5, 5, 5], completions: 3, failed: none });
    expect([...found]).toEqual([-3, -1.5, 4.5, 0, 0, 0]);
  });

  test("is the return less the mean of the others, and 0 without one", () => {
    fc.assert(
      fc.property(batches, ({ returns, completions, failed }) => {
        const found = leaveOneOut({ returns, completions, failed });
        for (const [episode, own] of returns.entries()) {
          const others = groupOf(episode, completions, failed).filter((at) => at !== episode);
          const expected =
            failed.has(episode) || others.length === 0
              ? 0
              : own - meanOf(others.map((at) => returns[at]!));
          expect(found[episode]).toBeCloseTo(expected, 9);
        }
      }),
    );
  });

  test("of the batch takes all other episodes", () => {
    fc.assert(
      fc.property(batches, ({ returns, failed }) => {
        const found = leaveOneOutOfBatch({ returns, completions: 1, failed });
        const scored = [...returns.keys()].filter((at) => !failed.has(at));
        for (const episode of scored) {
          const others = scored.filter((at) => at !== episode);
          const baseline =
            others.length === 0 ? returns[episode]! : meanOf(others.map((at) => returns[at]!));
          expect(found[episode]).toBeCloseTo(returns[episode]! - baseline, 9);
        }
        for (const episode of failed) expect(found[episode]).toBe(0);
      }),
    );
  });
});

describe("relative to the group", () => {
  test("divides by the deviation of the prompt's completions, with n − 1", () => {
    const found = groupRelative({ returns: [1, 3, 10, 10], completions: 2, failed: none }, "group");
    const deviation = Math.SQRT2;
    expect([...found]).toEqual([-1 / (deviation + 1e-4), 1 / (deviation + 1e-4), 0, 0]);
  });

  test.each(["group", "batch", "none"] as const)("scaled by: %s", (scale) => {
    fc.assert(
      fc.property(batches, ({ returns, completions, failed }) => {
        const found = groupRelative({ returns, completions, failed }, scale);
        const valuesOf = (places: number[]) => places.map((at) => returns[at]!);
        const all = valuesOf([...returns.keys()].filter((at) => !failed.has(at)));
        for (const [episode, own] of returns.entries()) {
          const group = valuesOf(groupOf(episode, completions, failed));
          if (failed.has(episode) || group.length < 2) {
            expect(found[episode]).toBe(0);
            continue;
          }
          const divisor = scale === "none" ? 1 : spread(scale === "group" ? group : all) + 1e-4;
          expect(found[episode]).toBeCloseTo((own - meanOf(group)) / divisor, 6);
        }
      }),
    );
  });

  test("is exactly 0 where all are equal, whatever the value", () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 2, max: 9 }),
        (value, completions) => {
          const input = { returns: Array(completions).fill(value), completions, failed: none };
          expect(groupRelative(input, "group").every((one) => one === 0)).toBe(true);
          expect(leaveOneOut(input).every((one) => one === 0)).toBe(true);
        },
      ),
    );
  });
});

describe("weighted by risk", () => {
  test("changes nothing where every scored episode counts alike", () => {
    const advantages = Float64Array.of(1, -2, 0, 0.5);
    expect([...riskWeighted(advantages, [1, 1, 0, 1], 3)]).toEqual([1, -2, 0, 0.5]);
  });

  test("has the mean over N that the weights' own mean has", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: 0, max: 5 })), {
          minLength: 1,
          maxLength: 30,
        }),
        (pairs) => {
          const weights = pairs.map(([, weight]) => weight);
          const sum = weights.reduce((a, b) => a + b, 0);
          fc.pre(sum > 0);
          const found = riskWeighted(
            Float64Array.from(pairs, ([advantage]) => advantage),
            weights,
            pairs.length,
          );
          const weighted = pairs.reduce((total, [a, w]) => total + a * w, 0) / sum;
          expect(meanOf([...found])).toBeCloseTo(weighted, 4);
          for (const [i, weight] of weights.entries()) {
            if (weight === 0) expect(Math.abs(found[i]!)).toBe(0);
          }
        },
      ),
    );
  });

  test("refuses weights that are all 0", () => {
    expect(() => riskWeighted(Float64Array.of(1, 2), [0, 0], 2)).toThrow("every weight is 0");
  });
});

test("equal groups are those with nothing to compare", () => {
  const rewards = [1, 1, 1, /**/ 1, 2, 1, /**/ 3, 4, 5, /**/ 7, 7, 8];
  // The fourth prompt's 8 failed; of the third one completion alone is left.
  const failed = new Set([6, 7, 11]);
  expect(equalGroups({ returns: rewards, completions: 3, failed })).toBe(3);
  expect(equalGroups({ returns: rewards, completions: 3, failed: none })).toBe(1);
});

test("what cannot be grouped, or has no value, is refused", () => {
  const input = { returns: [1, 2, 3], completions: 2, failed: none };
  expect(() => leaveOneOut(input)).toThrow("not whole groups of 2");
  expect(() => leaveOneOut({ ...input, completions: 0 })).toThrow("completions is 0");
  expect(() => leaveOneOut({ returns: [], completions: 1, failed: none })).toThrow("is empty");
  const broken = { returns: [1, Number.NaN], completions: 2, failed: none };
  expect(() => groupRelative(broken, "none")).toThrow("returns[1] is NaN");
  expect([...groupRelative({ ...broken, failed: new Set([1]) }, "none")]).toEqual([0, 0]);
});

/** TRL 1.13 gives the same: test/python/references/test_trl_steps.py reads the same file. */
describe("the advantages of TRL's trainers", () => {
  const cases = JSON.parse(
    readFileSync(join(import.meta.dirname, "advantages.json"), "utf8"),
  ) as readonly ({ readonly completions: number; readonly rewards: (number | null)[] } & Readonly<
    Record<string, number[]>
  >)[];

  test.each([
    ["rloo", (input: Returns) => leaveOneOut(input)],
    ["grpo group", (input: Returns) => groupRelative(input, "group")],
    ["grpo batch", (input: Returns) => groupRelative(input, "batch")],
    ["grpo none", (input: Returns) => groupRelative(input, "none")],
  ] as const)("%s", (name, rule) => {
    for (const { completions, rewards, ...expected } of cases) {
      const failed = new Set([...rewards.keys()].filter((at) => rewards[at] === null));
      const found = rule({ returns: rewards.map((one) => one ?? 0), completions, failed });
      for (const [episode, advantage] of (expected[name] as number[]).entries()) {
        expect(found[episode]).toBeCloseTo(advantage, 5);
      }
    }
  });
});
