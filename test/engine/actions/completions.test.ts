import { describe, expect, test } from "vitest";
import { recordSchema } from "../../../src/config/schema/record.js";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { completionEpisodes } from "../../../src/engine/actions/completions.js";
import { smallExperiment } from "../experiments.js";
import { batchOf } from "./batches.js";

const batch = batchOf([3, 1, 2, 0]);
const { evaluation } = smallExperiment({ evaluation: { tail_fraction: 0.25 } });

function kept(record: object, measure = "cvar", step = 0, failed = new Set<number>()): number[] {
  const risk = riskSchema.parse({ measure, alpha: 0.5 });
  const settings = { record: recordSchema.parse(record), evaluation };
  return [...completionEpisodes(settings, risk, step, batch, failed)];
}

describe("completions that are kept", () => {
  test.each([
    ["none of them", { completions: "none" }, "cvar", 0, []],
    ["all, in the batch's order", { completions: "all" }, "cvar", 0, [0, 1, 2, 3]],
    ["the worst α", { completions: "tail" }, "cvar", 0, [3, 1]],
    ["the worst tail_fraction without an α", { completions: "tail" }, "mean", 0, [3]],
    [
      "of every third iteration",
      { completions: "all", completions_every: 3 },
      "cvar",
      3,
      [0, 1, 2, 3],
    ],
    ["of no other", { completions: "all", completions_every: 3 }, "cvar", 4, []],
  ] as const)("%s", (_, record, measure, step, expected) => {
    expect(kept(record, measure, step)).toEqual(expected);
  });

  test("an episode without a reward is among all of them, and in no tail", () => {
    const failed = new Set([3]);
    expect(kept({ completions: "all" }, "cvar", 0, failed)).toEqual([0, 1, 2, 3]);
    expect(kept({ completions: "tail" }, "cvar", 0, failed)).toEqual([1, 2]);
    expect(kept({ completions: "tail" }, "cvar", 0, new Set([0, 1, 2, 3]))).toEqual([]);
  });
});
