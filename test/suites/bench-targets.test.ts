import { expect, test } from "vitest";
import { readings, targets } from "../bench/targets.mjs";

test("a figure is held against its target, and a missing one is said to be missing", () => {
  const results = {
    update: { ratio: { "40%": { wall: 9, cpu: 0.42 } } },
    sampling: { times_faster: { wall: 9, cpu: 1.9 } },
    controller: { overhead: { median: 0.6 } },
  };
  const found = Object.fromEntries(
    readings(results).map(({ what, figure, reached }) => [what, [figure, reached]]),
  );
  expect(found).toEqual({
    "update phase at 40 % kept, of the full one": [0.42, true],
    "update phase at 20 % kept, of the full one": [null, null],
    "sampling at batch 128, against model.generate": [1.9, false],
    "round trip of 1,024 episodes with selection": [0.6, true],
  });
});

test("a figure that is no number is none", () => {
  for (const cpu of [Number.NaN, "2", null, undefined]) {
    expect(readings({ sampling: { times_faster: { cpu } } })[0]).toMatchObject({
      figure: null,
      reached: null,
    });
  }
});

test("no two targets say the same", () => {
  expect(new Set(targets.map(({ what }) => what)).size).toBe(targets.length);
});
