import { describe, expect, test } from "vitest";
import { PlainLines } from "../../../src/cli/run/plain-lines.js";
import type { JournalEvent, StepEvent } from "../../../src/journal/events.js";

const stamp = { seq: 1, time: "2026-01-01T00:00:00.000Z" };
const started = {
  ...stamp,
  type: "trial_started",
  trial: "a-s0",
  arm: "a",
  seed: 0,
  stage: "rl",
  iterations: 10,
} as JournalEvent;

function step(number: number): JournalEvent {
  const figures: Partial<StepEvent> = {
    type: "step",
    step: number,
    alpha: 0.8125,
    kept: 13,
    batch: 16,
    reward_mean: 1.234,
    cvar: -0.5,
    kl_mean: 0.021,
    beta: 0.2,
    seconds: {
      total: 2,
      rollout: 1,
      sample: 1,
      reference: 0,
      reward: 0,
      update: 1,
      texts: 0,
      controller: 0,
    },
  };
  return { ...stamp, trial: "a-s0", ...figures } as JournalEvent;
}

const progress = (phase: string, done: number, total: number) =>
  ({ kind: "progress", trial: "a-s0", phase, done, total, unit: "steps", loss: null }) as const;
const event = (one: JournalEvent) => ({ kind: "event", event: one }) as const;

describe("plain lines", () => {
  test("a step is one line, with what is left at the pace so far", () => {
    const lines = new PlainLines();
    expect(lines.lineOf(event(started), 0)).toBe("a-s0  started: 10 iterations");
    lines.lineOf(event(step(0)), 12);
    expect(lines.lineOf(event(step(1)), 16)).toBe(
      "a-s0  iteration 2/10  raw reward 1.23  CVaR -0.50  α' 0.81  kept 13/16  KL 0.02  β 0.200  2.0 s  24 s left",
    );
    expect(lines.lineOf(event(step(9)), 30)).not.toContain("left");
  });

  test("groups whose rewards are all equal are counted, where there are any", () => {
    const grouped = (equal: number): JournalEvent =>
      ({ ...step(1), groups: { prompts: 4, completions: 4, equal } }) as JournalEvent;
    const lines = new PlainLines();
    expect(lines.lineOf(event(grouped(0)), 1)).not.toContain("equal");
    expect(lines.lineOf(event(grouped(3)), 2)).toContain("  3 of 4 groups equal  ");
  });

  test("what a sampler drew is told where it learns or weighs", () => {
    const sampling = { shares: [0.5, 0.5], natural: [0.1, 0.9], largest_weight: 1.8 };
    const drawn = {
      ...{ ...step(1), failed: 1, batch_fraction: 0.5 },
      sampling: { ...sampling, effective: 11.7, weighted: true },
    } as JournalEvent;
    const lines = new PlainLines();
    expect(lines.lineOf(event(drawn), 1)).toContain("  hardest 0.50  effective 12/15  ");
    expect(lines.lineOf(event(step(2)), 2)).not.toMatch(/hardest|effective/);
  });

  test("progress within a step says nothing while lines come", () => {
    const lines = new PlainLines();
    lines.lineOf(event(started), 0);
    expect(lines.lineOf(progress("update", 1, 4), 5)).toBeNull();
    expect(lines.lineOf(progress("update", 2, 4), 9.9)).toBeNull();
  });

  test("a long phase speaks every ten seconds, and tells what is left of it", () => {
    const lines = new PlainLines();
    lines.lineOf(event(started), 0);
    expect(lines.lineOf(progress("sft", 0, 60), 1)).toBeNull();
    expect(lines.lineOf(progress("sft", 30, 60), 11)).toBe("a-s0  sft 30/60 steps, 10 s left");
    expect(lines.lineOf(progress("sft", 31, 60), 12)).toBeNull();
    expect(lines.lineOf(progress("sft", 60, 60), 21)).toBe("a-s0  sft 60/60 steps, 0.0 s left");
  });

  test("a phase of unknown length is only named", () => {
    const lines = new PlainLines();
    lines.lineOf(event(started), 0);
    expect(lines.lineOf(progress("import", 0, 0), 10)).toBe("a-s0  import");
  });

  test("a queue's state is told at once, and again when it changes", () => {
    const lines = new PlainLines();
    const queue = (unit: string) => ({ ...progress("queue", 0, 0), unit });
    const waiting = (state: string) => lines.lineOf(queue(`job 7 PENDING (${state})`), 0);
    expect(waiting("Priority")).toBe("a-s0  waiting for a worker: job 7 PENDING (Priority)");
    expect(waiting("Priority")).toBeNull();
    expect(waiting("Resources")).toContain("(Resources)");
  });

  test("trials do not timeout each other", () => {
    const lines = new PlainLines();
    lines.lineOf(event(started), 0);
    const other = { ...progress("load", 1, 2), trial: "b-s0" };
    expect(lines.lineOf(other, 5)).toBeNull();
    expect(lines.lineOf(event(step(0)), 14)).not.toBeNull();
    expect(lines.lineOf({ ...other, done: 2 }, 16)).toBe("b-s0  load 2/2 steps, 0.0 s left");
  });

  test("failures and warnings are told in full", () => {
    const lines = new PlainLines();
    const failed = {
      ...stamp,
      trial: "a-s0",
      type: "trial_failed",
      reason: "lost",
      message: "gone",
      detail: null,
    };
    expect(lines.lineOf(event(failed as JournalEvent), 0)).toBe("a-s0  failed: gone");
    const lost = {
      ...{ ...stamp, trial: "a-s0", type: "worker_lost", reason: "stuck", action: "step" },
      ...{ message: "it hung", detail: null, stacks: "logs/a.txt", restarts: 2, from: 50 },
    };
    expect(lines.lineOf(event(lost as JournalEvent), 0)).toBe(
      "a-s0  worker lost (stuck): it hung; the stacks of its threads are in logs/a.txt; " +
        "restart 2 from iteration 50",
    );
    const resumed = {
      ...{ ...stamp, trial: null, type: "run_resumed", parallel: 1, cut_bytes: 7 },
      from: { "a-s0": 50, "b-s0": null },
    };
    expect(lines.lineOf(event(resumed as JournalEvent), 0)).toBe(
      "run resumed: a-s0 from iteration 50, b-s0 from the start; 7 bytes of an incomplete last " +
        "journal line dropped",
    );
    const warning = { ...stamp, trial: null, type: "warning", message: "mind this" };
    expect(lines.lineOf(event(warning as JournalEvent), 0)).toBe("warning: mind this");
  });
});

test("a line tells why a closed loop holds α', effective episodes, and where a stage of β begins", () => {
  const lines = new PlainLines();
  const told = {
    ...step(3),
    effective: 9.87,
    kl_stage: { from: 3, target: 4, k_beta: 0 },
    annealing: { alpha_next: 0.8125, cause: "held: CVaR falls", signals: {} },
  } as JournalEvent;
  lines.lineOf({ kind: "event", event: started }, 0);
  const line = lines.lineOf({ kind: "event", event: told }, 3)!;
  expect(line).toContain("α' 0.81 (held: CVaR falls)  kept 13/16 (effective 9.9)");
  expect(line).toContain("β 0.200 (a stage begins: target 4)");
});
