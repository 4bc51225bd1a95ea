import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { estimatedSeconds, type PastTrial } from "../../../src/cli/lookup/trial-times.js";
import { loadExperiment } from "../../../src/config/load.js";
import { planTrials } from "../../../src/config/trials.js";

const key = { name: "quickstart", worker: "local", device: "auto" };

function past(arm: string, changes: Partial<PastTrial> = {}): PastTrial {
  const rl = arm !== "sft";
  const at = "2026-11-23T10:00:00Z";
  return {
    ...key,
    arm,
    stage: rl ? "rl" : "sft",
    iterations: rl ? 60 : 0,
    seconds: rl ? 120 : 15,
    stepSeconds: rl ? 100 : 0,
    at,
    ...changes,
  };
}

function trials(...overrides: string[]) {
  return planTrials(loadExperiment("configs/experiments/quickstart.yaml", overrides).experiment);
}

const all = [past("sft"), past("rlhf"), past("ra-rlhf", { seconds: 90, stepSeconds: 70 })];

describe("an estimate", () => {
  test("adds up trials that run one after the other", () => {
    const plan = { trials: trials("arms=sft,rlhf,ra-rlhf"), parallel: 1 };
    expect(estimatedSeconds(plan, key, all)).toBe(15 + 120 + 90);
  });

  test("lays trials side by side, and none before the policy that it starts from", () => {
    const plan = { trials: trials("arms=sft,rlhf,ra-rlhf"), parallel: 2 };
    expect(estimatedSeconds(plan, key, all)).toBe(15 + 120);
  });

  test("scales iterations with M and leaves the rest", () => {
    const longer = { trials: trials("arms=rlhf", "training.iterations=120"), parallel: 1 };
    expect(estimatedSeconds(longer, key, all)).toBe(15 + 20 + 200);
  });

  test("takes another arm of the stage where the arm was never run", () => {
    const plan = { trials: trials("arms=random-drop"), parallel: 1 };
    expect(estimatedSeconds(plan, key, [past("sft"), past("rlhf")])).toBe(15 + 120);
  });

  test("goes by the newest trial", () => {
    const newer = past("rlhf", { seconds: 60, stepSeconds: 40, at: "2026-11-24T10:00:00Z" });
    const plan = { trials: trials("arms=rlhf"), parallel: 1 };
    expect(estimatedSeconds(plan, key, [newer, ...all])).toBe(15 + 60);
    expect(estimatedSeconds(plan, key, [...all, newer])).toBe(15 + 60);
  });

  test("is none from another experiment, worker or device, or without any trial of a stage", () => {
    const plan = { trials: trials(), parallel: 2 };
    for (const other of [{ name: "smoke" }, { worker: "fake" }, { device: "cuda" }]) {
      expect(estimatedSeconds(plan, { ...key, ...other }, all)).toBeNull();
    }
    expect(estimatedSeconds(plan, key, [past("rlhf")])).toBeNull();
    expect(estimatedSeconds(plan, key, [])).toBeNull();
  });

  test("never falls when a seed is added, and never exceeds one trial after the other", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 6 }),
        (parallel, seeds) => {
          const of = (count: number): number => {
            const list = Array.from({ length: count }, (_, seed) => seed).join(",");
            const plan = { trials: trials("arms=sft,rlhf,ra-rlhf", `seeds=${list}`), parallel };
            return estimatedSeconds(plan, key, all)!;
          };
          expect(of(seeds + 1)).toBeGreaterThanOrEqual(of(seeds));
          expect(of(seeds)).toBeLessThanOrEqual(seeds * (15 + 120 + 90));
          expect(of(seeds)).toBeGreaterThanOrEqual((seeds * (15 + 120 + 90)) / parallel);
        },
      ),
      { numRuns: 30 },
    );
  });
});
