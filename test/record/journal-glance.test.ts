/** What a list of runs reads in a journal, against the state machine that it came from. */
import { appendFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runCommands } from "../../src/experiment/commands.js";
import type { JournalEvent } from "../../src/experiment/events.js";
import type { Plan } from "../../src/experiment/plan.js";
import type { RunState } from "../../src/experiment/state.js";
import { JournalGlance } from "../../src/record/journal-glance.js";
import { stepHappening } from "../experiment/happenings.js";
import { Driver, plans } from "../experiment/machine-driver.js";
import { newRun, tickingClock } from "./folders.js";

const turns = fc.array(
  fc.record({
    pick: fc.nat(1000),
    how: fc.constantFrom(...(["well", "well", "well", "lost", "unsaved", "broken off"] as const)),
    next: fc.constantFrom(null, null, null, null, "resume" as const, ...runCommands),
  }),
  { maxLength: 80 },
);

type Turn = typeof turns extends fc.Arbitrary<(infer T)[]> ? T : never;

function driven(plan: Plan, told: readonly Turn[]): Driver {
  const driver = new Driver(plan);
  for (const { pick, how, next } of told) {
    if (driver.concluding !== null) break;
    if (next === "resume") driver.resume((pick % 3) + 1);
    else if (next !== null) driver.command(next);
    else if (driver.busy.length > 0) driver.settle(driver.busy[pick % driver.busy.length]!, how);
  }
  return driver;
}

function expected({ trials, paused, stop, parallel }: RunState): object {
  const state = stop !== "no" ? "stopping" : paused ? "paused" : "running";
  const steps = Object.entries(trials).map(([id, { step }]) => [id, step]);
  const over = Object.entries(trials).map(([id, { phase }]) => [
    id,
    phase === "pending" || phase === "running" ? "going on" : phase,
  ]);
  return { state, parallel, steps, over };
}

function seen(glance: JournalGlance): object {
  const trials = [...glance.trials];
  const steps = trials.map(([id, { step }]) => [id, step]);
  const over = trials.map(([id, { status }]) => [
    id,
    status === "waiting" || status === "running" ? "going on" : status,
  ]);
  return { state: glance.state, parallel: glance.parallel, steps, over };
}

test("tells of every journal what its run's state is, read at once or in pieces", () => {
  fc.assert(
    fc.property(plans, turns, (plan, told) => {
      const driver = driven(plan, told);
      const run = newRun();
      const path = join(run.directory, "journal.jsonl");
      const glance = new JournalGlance(path);
      for (const [at, event] of driver.events.entries()) {
        const { seq: _seq, time: _time, trial, ...happening } = event;
        run.append(trial, happening as JournalEvent);
        if (at % 4 === 0) {
          expect(glance.read()).toBe(true);
          expect(seen(glance)).toEqual(expected(driver.states[at]!));
        }
      }
      run.close();
      const fresh = new JournalGlance(path);
      fresh.read();
      glance.read();
      expect(seen(fresh)).toEqual(expected(driver.state));
      expect(seen(glance)).toEqual(seen(fresh));
    }),
    { numRuns: 40 },
  );
});

test("knows the last step's figures and the pace of the last few", () => {
  const run = newRun({ now: tickingClock() });
  const glance = new JournalGlance(join(run.directory, "journal.jsonl"));
  const started = {
    type: "trial_started",
    arm: "a",
    seed: 0,
    stage: "rl",
    iterations: 90,
  } as const;
  run.append("a-s0", started);
  const many = Array.from({ length: 4096 }, () => -1.2345678);
  const episodes = {
    prompt: many,
    reward: many,
    kl: many,
    return: many,
    length: many,
    weight: many,
  };
  for (let step = 0; step < 60; step += 1) {
    run.append("a-s0", stepHappening({ step, cvar: -step, episodes }));
  }
  glance.read();
  expect(glance).toMatchObject({ lastTrial: "a-s0", cvar: -59 });
  expect(glance.trials.get("a-s0")).toEqual({
    status: "running",
    iterations: 90,
    step: 60,
    pace: 1,
  });
  run.append(null, { type: "continued" });
  glance.read();
  expect(glance.trials.get("a-s0")!.pace).toBeNull();
});

test("a line that is being written waits; a journal that became shorter is to be read anew", () => {
  const run = newRun();
  const path = join(run.directory, "journal.jsonl");
  const glance = new JournalGlance(path);
  run.append(null, { type: "paused" });
  appendFileSync(path, '{"seq":2,"time":"x","trial":null,"type":"contin');
  expect(glance.read()).toBe(true);
  expect(glance.state).toBe("paused");
  appendFileSync(path, 'ued"}\n');
  glance.read();
  expect(glance.state).toBe("running");
  truncateSync(path, 10);
  expect(glance.read()).toBe(false);
  appendFileSync(path, "rubbish\n");
  expect(() => new JournalGlance(path).read()).toThrow(/line at byte 0 is no event/);
});
