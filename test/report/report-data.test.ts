import { describe, expect, test } from "vitest";
import type { EventFigures } from "../../src/journal/event-head.js";
import { gatherReport, lowestRewards } from "../../src/report/report-data.js";
import { fixtureRun } from "./fixture.js";

const run = fixtureRun({ arms: ["sft", "rlhf"], seeds: [0, 1], iterations: 10, prompts: 60 });

describe("gatherReport", () => {
  test("finds arms in the evaluation's order, and each trial's events", () => {
    const data = gatherReport(run);
    expect(data.arms).toEqual(["sft", "rlhf"]);
    expect(data.trials.map(({ name }) => name)).toEqual(["sft-s0", "rlhf-s0", "sft-s1", "rlhf-s1"]);
    const [sft, rlhf] = data.trials;
    expect(sft).toMatchObject({ arm: "sft", seed: 0, stage: "sft", steps: [] });
    expect(sft!.sft?.steps).toBe(60);
    expect(rlhf!.steps.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(rlhf!.final?.final).toBe(true);
    expect(data.finished?.outcome).toBe("done");
  });

  test("of a step that was done twice, takes the later", () => {
    const again = run.events.find((event) => event.type === "step" && event.step === 3)!;
    const events = [...run.events, { ...again, reward_mean: 99 } as EventFigures];
    const trial = gatherReport({ ...run, events }).trials.find(({ name }) => name === again.trial)!;
    expect(trial.steps).toHaveLength(10);
    expect(trial.steps[3]!.reward_mean).toBe(99);
  });

  test("shows arms that never got to an evaluation", () => {
    const evaluation = { ...run.evaluation, arms: {} };
    expect(gatherReport({ ...run, evaluation }).arms).toEqual(["sft", "rlhf"]);
  });

  test("forgets a failure that a later attempt made good, and keeps one that was not", () => {
    const failed = {
      ...{
        seq: 0,
        time: "2026-11-23T10:00:00.000Z",
        trial: "rlhf-s0",
        type: "trial_failed" as const,
      },
      ...{ reason: "memory" as const, message: "out of memory", key: null, detail: null },
    };
    const started = run.events.findIndex(({ trial }) => trial === "rlhf-s0");
    const before = [...run.events.slice(0, started), failed, ...run.events.slice(started)];
    const ofTrial = (events: EventFigures[]) =>
      gatherReport({ ...run, events }).trials.find(({ name }) => name === "rlhf-s0")!;
    expect(ofTrial(before).failure).toBeNull();
    expect(ofTrial([...run.events, failed]).failure?.message).toBe("out of memory");
  });

  test("a run that was taken up again has not ended, and tells of it", () => {
    const stamp = { seq: 0, time: "2026-11-23T10:00:00.000Z", trial: null } as const;
    const facts = { parallel: 2, cut_bytes: 0, from: { "rlhf-s0": 5 } };
    const events = [...run.events, { ...stamp, type: "run_resumed" as const, ...facts }];
    const data = gatherReport({ ...run, events });
    expect(data.finished).toBeNull();
    expect(data.incidents.map(({ type }) => type)).toEqual(["run_resumed"]);
  });

  test("makes do with an empty journal", () => {
    const data = gatherReport({ ...run, events: [], samples: [] });
    expect(data.trials).toEqual([]);
    expect(data.finished).toBeNull();
  });
});

test("worstEpisodes takes the lowest rewards of each arm over its seeds, worst first", () => {
  const worst = lowestRewards(gatherReport(run), 4);
  expect(worst).toHaveLength(8);
  const rewards = gatherReport(run)
    .trials.filter(({ arm }) => arm === "rlhf")
    .flatMap(({ final }) => final!.arrays.reward.map(Number))
    .sort((a, b) => a - b);
  expect(worst.filter(({ arm }) => arm === "rlhf").map(({ reward }) => reward)).toEqual(
    rewards.slice(0, 4),
  );
});
