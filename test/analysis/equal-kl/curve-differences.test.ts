import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  commonRange,
  curveDifferences,
  neutralCurve,
  testedFigures,
} from "../../../src/analysis/equal-kl/curve-differences.js";
import { curve, policy } from "./policies.js";

const figure = fc.double({ min: -10, max: 10, noNaN: true });
const kls = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 5 });

describe("two curves of final policies", () => {
  test("that lie a constant apart differ by it, whatever their shape, in every seed", () => {
    fc.assert(
      fc.property(
        kls,
        fc.array(figure, { minLength: 5, maxLength: 5 }),
        figure,
        (at, tails, gap) => {
          const points = at.map((kl, nth): [number, number] => [kl / 2, tails[nth]!]);
          const shifted = points.map(([kl, tail]): [number, number] => [kl, tail + gap]);
          const policies = [0, 1, 2].flatMap((seed) => [
            ...curve("n", seed, points, "neutral"),
            ...curve("a", seed, shifted),
          ]);
          const [found] = curveDifferences(policies, "n");
          expect(found).toMatchObject({ a: "a", b: "n", metric: "tail_reward", seeds: 3 });
          expect(found!.range).toEqual([Math.min(...at) / 2, Math.max(...at) / 2]);
          for (const own of found!.per_seed) expect(own).toBeCloseTo(gap, 9);
        },
      ),
    );
  });

  test("are read over the KL that all of them cover, and not beyond", () => {
    // A is tail = KL from 2 to 6 (seed 0) and from 1 to 4 (seed 1), B is 0 from 0 to 5.
    const policies = [
      ...curve("a", 0, [
        [2, 2],
        [6, 6],
      ]),
      ...curve("a", 1, [
        [1, 1],
        [4, 4],
      ]),
      ...[0, 1].flatMap((seed) =>
        curve(
          "n",
          seed,
          [
            [0, 0],
            [5, 0],
          ],
          "neutral",
        ),
      ),
    ];
    const [found] = curveDifferences(policies, "n");
    // The mean of KL over [2, 4].
    expect(found).toMatchObject({ range: [2, 4], difference: 3, per_seed: [3, 3] });
  });

  test("without a common KL have no difference", () => {
    const low = [
      [1, 0],
      [2, 0],
    ] as const;
    const high = [
      [3, 0],
      [4, 0],
    ] as const;
    const [found] = curveDifferences(
      [...curve("n", 0, low, "neutral"), ...curve("a", 0, high)],
      "n",
    );
    expect(found).toMatchObject({ range: null, difference: null, p: null, seeds: 1, per_seed: [] });
    expect(commonRange([])).toBeNull();
  });

  test("of which one is a single policy per seed are read at its KL", () => {
    const rising = [
      [0, 0],
      [10, 10],
    ] as const;
    const policies = [
      ...curve("n", 0, rising, "neutral"),
      ...curve("n", 1, rising, "neutral"),
      policy({ curve: "best", role: "control", beta: null, seed: 0, kl: 2, tail: 3 }),
      policy({ curve: "best", role: "control", beta: null, seed: 1, kl: 4, tail: 3 }),
    ];
    expect(curveDifferences(policies, "n")[0]).toMatchObject({
      range: [2, 4],
      per_seed: [1, -1],
      difference: 0,
    });
    const [reverse] = curveDifferences(policies, "best");
    expect(reverse).toMatchObject({ a: "n", per_seed: [-1, 1] });
  });
});

test("p values are corrected over arms and tested figures, and no others are tested", () => {
  const points = (gap: number) =>
    [1, 2, 3].flatMap((seed) =>
      curve(gap === 0 ? "n" : `a${gap}`, seed, [
        [1, gap + seed / 10 + (gap * seed) / 50],
        [2, gap + seed / 10 + (gap * seed) / 50],
      ]).map((one) => ({
        ...one,
        role: gap === 0 ? ("neutral" as const) : one.role,
        metrics: { ...one.metrics, perplexity: one.metrics.tail_reward! },
      })),
    );
  const found = curveDifferences([0, 1, 2].flatMap(points), "n");
  const tails = found.filter(({ metric }) => metric === "tail_reward");
  expect(tails.map(({ a }) => a)).toEqual(["a1", "a2"]);
  const smallest = Math.min(...tails.map(({ p }) => p!));
  expect(Math.min(...tails.map(({ p_holm }) => p_holm!))).toBeCloseTo(2 * smallest, 12);
  expect(found.filter(({ metric }) => metric === "perplexity").map(({ p_holm }) => p_holm)).toEqual(
    [null, null],
  );
});

test("the tail of every judge is tested, and no other figure of a judge", () => {
  expect(
    testedFigures([
      "judge_reward_second",
      "judge_tail_second",
      "perplexity",
      "judge_tail",
      "judge_tail",
    ]),
  ).toEqual(["judge_tail", "judge_tail_second"]);
});

test("the common start is held against nothing, and the first neutral curve is the measure", () => {
  const start = policy({ curve: "sft", role: null, beta: null, kl: 0 });
  const line = [
    [0, 0],
    [1, 1],
  ] as const;
  const policies = [start, ...curve("a", 0, line), ...curve("n", 0, line, "neutral")];
  expect(neutralCurve(policies)).toBe("n");
  expect(neutralCurve([start])).toBeNull();
  expect(new Set(curveDifferences(policies, "n").map(({ a }) => a))).toEqual(new Set(["a"]));
});
