import { expect, test } from "vitest";
import { certificateViolations, lowestReward } from "../../../src/config/rewards/reward-bound.js";
import { rewardSchema } from "../../../src/config/schema/reward.js";
import { smallExperiment } from "../../engine/experiments.js";

const probability = { kind: "classifier", output: "probability" };

test.each([
  ["a logit", {}, null],
  ["a probability", probability, 0],
  ["minus a probability", { ...probability, sign: -1 }, -1],
  ["a number of words", { kind: "lexicon", words: ["a"] }, 0],
  ["minus a number of words", { kind: "lexicon", words: ["a"], sign: -1 }, null],
  ["a length", { kind: "length" }, 0],
  ["minus the distance from a length", { kind: "length", target: 9 }, null],
  ["a distance from a length", { kind: "length", target: 9, sign: -1 }, 0],
  ["a function", { kind: "python", function: "a.py:f" }, null],
  [
    "a weighted sum",
    [
      { ...probability, sign: -1, weight: 2 },
      { ...probability, name: "b" },
    ],
    -2,
  ],
  ["a sum with one that is not bounded", [{ ...probability, name: "b" }, {}], null],
  ["one that does not count", [{ ...probability, name: "b" }, { weight: 0 }], 0],
])("%s", (_, reward, lowest) => {
  expect(lowestReward(rewardSchema.parse(reward))).toBe(lowest);
});

test("a stated bound that rewards can go under is refused, and one that they cannot is not", () => {
  const { arms } = smallExperiment({
    reward: { kind: "classifier", output: "probability", sign: -1 },
  });
  const stated = (lower: number | "auto" | null) =>
    certificateViolations({ delta: 0.05, lower }, arms);
  expect(stated(0)).toMatchObject([
    { found: expect.stringContaining("can be as low as -1"), expected: "at most -1, or auto" },
  ]);
  for (const lower of [-1, -3, "auto", null] as const) expect(stated(lower)).toEqual([]);
  expect(certificateViolations({ delta: 0.05, lower: 5 }, smallExperiment().arms)).toEqual([]);
});
