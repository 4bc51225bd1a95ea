import { describe, expect, test } from "vitest";
import { planTrials } from "../../src/config/trials.js";
import { smallExperiment } from "../engine/experiments.js";

describe("trials", () => {
  test("are arms × seeds, and RL starts from the SFT policy of its own seed", () => {
    const trials = planTrials(smallExperiment({ seeds: [0, 7] }));
    expect(trials.map(({ id, after }) => [id, after])).toEqual([
      ["sft-s0", null],
      ["rlhf-s0", "sft-s0"],
      ["ra-rlhf-s0", "sft-s0"],
      ["sft-s7", null],
      ["rlhf-s7", "sft-s7"],
      ["ra-rlhf-s7", "sft-s7"],
    ]);
    expect(trials.map(({ fineTunes }) => fineTunes)).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(trials.map(({ iterations }) => iterations)).toEqual([0, 6, 6, 0, 6, 6]);
    expect(trials.every(({ reported }) => reported)).toBe(true);
  });

  test("put SFT first wherever it is listed, and take the base as it is", () => {
    const trials = planTrials(
      smallExperiment({ arms: { rlhf: { risk: { measure: "mean" } }, base: {}, sft: {} } }),
    );
    expect(trials.map(({ id, after }) => [id, after])).toEqual([
      ["base-s0", null],
      ["sft-s0", null],
      ["rlhf-s0", "sft-s0"],
    ]);
  });

  test("add an unreported SFT trial that RL arms need and nobody lists", () => {
    const trials = planTrials(smallExperiment({ arms: { rlhf: {} } }));
    expect(trials.map(({ id, reported, after }) => [id, reported, after])).toEqual([
      ["sft-s0", false, null],
      ["rlhf-s0", true, "sft-s0"],
    ]);
    expect(trials[0]!.fineTunes).toBe(true);
  });

  test("name the added SFT trial apart from an RL arm that is called sft", () => {
    const trials = planTrials(smallExperiment({ arms: { sft: { stage: "rl" } } }));
    expect(trials.map(({ id }) => id)).toEqual(["sft-start-s0", "sft-s0"]);
  });

  test("start RL from the model as loaded when there are no SFT steps", () => {
    const trials = planTrials(smallExperiment({ sft: { steps: 0 } }));
    expect(trials.map(({ after, fineTunes }) => [after, fineTunes])).toEqual([
      [null, false],
      [null, false],
      [null, false],
    ]);
  });

  test("need no SFT without RL arms", () => {
    expect(planTrials(smallExperiment({ arms: { base: {} } })).map(({ id }) => id)).toEqual([
      "base-s0",
    ]);
  });

  test("take step 0 of the frontier once: from SFT, else each from itself", () => {
    const starts = (experiment: ReturnType<typeof smallExperiment>): string[] =>
      planTrials(experiment)
        .filter(({ startsFrontier }) => startsFrontier)
        .map(({ id }) => id);
    expect(starts(smallExperiment())).toEqual(["sft-s0"]);
    expect(starts(smallExperiment({ sft: { steps: 0 } }))).toEqual(["rlhf-s0", "ra-rlhf-s0"]);
    expect(starts(smallExperiment({ evaluation: { every: 0 } }))).toEqual([]);
    expect(starts(smallExperiment({ arms: { sft: {} } }))).toEqual([]);
  });
});
