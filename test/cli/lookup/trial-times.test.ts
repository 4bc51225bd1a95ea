import { expect, test } from "vitest";
import { noTimes, type TrialTime, timesAfter } from "../../../src/cli/lookup/trial-times.js";
import type { EventHead } from "../../../src/journal/event-head.js";
import type { EventPayload, JournalEvent } from "../../../src/journal/events.js";
import { stepPayload } from "../../engine/event-payloads.js";

function times(...payloads: readonly (readonly [string | null, EventPayload])[]): string[] {
  const events = payloads.map(([trial, eventPayload], at) => {
    const time = new Date(Date.UTC(2026, 0, 1, 0, 0, at)).toISOString();
    return { ...eventPayload, seq: at + 1, time, trial } as JournalEvent;
  });
  return events
    .reduce((state, event) => timesAfter(state, event as EventHead), noTimes)
    .done.map(
      ({ arm, iterations, seconds, stepSeconds }: TrialTime) =>
        `${arm} ${iterations} ${seconds} ${stepSeconds}`,
    );
}

const began = (arm: string): [string, EventPayload] => [
  `${arm}-s0`,
  { type: "trial_started", arm, seed: 0, stage: "rl", iterations: 2 },
];
const steps: [string, EventPayload][] = [0, 1].map((step) => ["rlhf-s0", stepPayload({ step })]);
const ended: [string, EventPayload] = ["rlhf-s0", { type: "trial_finished", seconds: 9 }];
const resumed: EventPayload = { type: "run_resumed", parallel: 1, cut_bytes: 0, from: {} };
const lost: EventPayload = {
  type: "worker_lost",
  reason: "silent",
  action: null,
  message: "",
  detail: null,
  stacks: null,
  restarts: 1,
  from: null,
};

test("a trial that went through tells its seconds, and those of its iterations", () => {
  expect(times(began("rlhf"), ...steps, ended)).toEqual(["rlhf 2 9 2"]);
});

test("trials side by side are told apart, and one that goes on tells nothing", () => {
  const other = ["ra-rlhf-s0", stepPayload({ step: 0 })] as const;
  expect(times(began("rlhf"), began("ra-rlhf"), steps[0]!, other, steps[1]!, ended)).toEqual([
    "rlhf 2 9 2",
  ]);
});

test.each([
  ["its worker was lost", ["rlhf-s0", lost]],
  ["the run was paused", [null, { type: "paused" }]],
  ["the run was resumed", [null, resumed]],
  [
    "it went back to a checkpoint",
    ["rlhf-s0", { type: "restored", step: 1, path: "", seconds: 1 }],
  ],
  ["it was begun twice", began("rlhf")],
] as const)("a trial's time does not count when %s", (_, disturbance) => {
  expect(times(began("rlhf"), steps[0]!, disturbance, steps[1]!, ended)).toEqual([]);
});

test("of one that was disturbed before it began, it does", () => {
  expect(times([null, { type: "paused" }], began("rlhf"), ...steps, ended)).toEqual(["rlhf 2 9 2"]);
});
