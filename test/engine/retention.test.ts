import { describe, expect, test } from "vitest";
import { metricsOf } from "../../src/analysis/metrics.js";
import { checkpointSchema } from "../../src/config/schema/checkpoint.js";
import { outdated, type Retention } from "../../src/engine/retention.js";

const metrics = [...checkpointSchema.shape.keep_best.unwrap().unwrap().options];

/** @returns the scores of what is kept beside the newest */
function best(figure: NonNullable<Retention["best"]>): number[] {
  const points = [2, 1, 3, 2.5].map((score) => ({ score }));
  const gone = outdated(points, { last: 1, best: figure });
  return points.slice(0, -1).flatMap((point) => (gone.includes(point) ? [] : [point.score]));
}

describe("the best checkpoint", () => {
  test("may be chosen by every figure that an evaluation has", () => {
    const measured = metricsOf(
      {
        promptScores: [1, 2],
        rewards: [1, 2],
        harm: [1, 2],
        judge: [1, 2],
        kl: [1, 2],
        lengths: [1, 2],
        dist: [1, 1, 1],
        perplexity: 1,
        components: {},
        judges: {},
      },
      { harmThreshold: 0, harmComponent: null, tailQuantile: 0.5 },
    );
    expect([...metrics].sort()).toEqual(Object.keys(measured).sort());
  });

  test.each(metrics)("by %s is the one with the better value", (figure) => {
    const lower = ["harm_rate", "perplexity", "kl_mean"].includes(figure);
    expect(best(figure)).toEqual([lower ? 1 : 3]);
  });

  test("of equals is the newest, and one that was not evaluated is none", () => {
    const points = [{ score: 1 }, { score: 1 }, { score: null }, { score: null }];
    expect(outdated(points, { last: 1, best: "dist_2" })).toEqual([points[0], points[2]]);
  });
});
