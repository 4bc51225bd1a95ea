import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Evaluation, Metric } from "../../src/analysis/evaluation.js";
import { atMatchingPoints, paretoFront } from "../../src/analysis/sweep.js";

function metric(mean: number): Metric {
  return { mean, sd: null, ci95: null, per_seed: [mean] };
}

function armsOf(points: readonly (readonly [tail: number, kl: number])[]): Evaluation["arms"] {
  return Object.fromEntries(
    points.map(([tail, kl], at) => [
      `a${at}`,
      {
        seeds: [0],
        certificates: null,
        metrics: { tail_reward: metric(tail), kl_mean: metric(kl) },
      },
    ]),
  );
}

describe("the Pareto front", () => {
  const figure = fc.integer({ min: -5, max: 5 });

  test("is whoever no other one beats, and all others are beaten by one of it", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(figure, figure), { maxLength: 12 }), (points) => {
        const front = paretoFront(armsOf(points));
        const at = (arm: string) => points[Number(arm.slice(1))]!;
        const beats = ([tail, kl]: readonly number[], other: readonly number[]) =>
          tail! >= other[0]! && kl! <= other[1]! && (tail! > other[0]! || kl! < other[1]!);
        for (const [nth, point] of points.entries()) {
          const onFront = front.includes(`a${nth}`);
          const beaten = front.some((arm) => beats(at(arm), point));
          expect(onFront).toBe(!beaten);
        }
        const distances = front.map((arm) => at(arm)[1]);
        expect(distances).toEqual([...distances].sort((a, b) => a - b));
      }),
    );
  });

  test("leaves out arms without the figures", () => {
    const arms = { ...armsOf([[1, 1]]), b: { seeds: [0], certificates: null, metrics: {} } };
    expect(paretoFront(arms)).toEqual(["a0"]);
  });
});

test("points match where every key that changes both has one value", () => {
  const points = [
    { arm: "r1", of: "r", values: { "kl.beta": 0.1, "risk.alpha": 0.2 } },
    { arm: "r2", of: "r", values: { "kl.beta": 0.2, "risk.alpha": 0.2 } },
    { arm: "n1", of: "n", values: { "kl.beta": 0.1 } },
    { arm: "d1", of: "d", values: { "risk.alpha": 0.4 } },
  ];
  const matches = (a: string, b: string) => atMatchingPoints(points, a, b);
  expect(matches("r1", "n1")).toBe(true);
  expect(matches("r2", "n1")).toBe(false);
  expect(matches("r1", "d1")).toBe(false);
  expect(matches("n1", "d1")).toBe(true);
  expect(matches("r1", "plain")).toBe(true);
});
