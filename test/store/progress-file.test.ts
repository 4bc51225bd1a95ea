/** What a list of runs reads in a journal, against the state machine that it came from. */
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runCommands } from "../../src/engine/commands.js";
import type { Plan } from "../../src/engine/plan.js";
import type { RunState } from "../../src/engine/run-state.js";
import type { JournalEvent } from "../../src/journal/events.js";
import { checksummedLine } from "../../src/journal/line.js";
import { JournalSummary, writeProgress } from "../../src/store/progress-file.js";
import { type ProgressFacts, RunProgress } from "../../src/store/run-progress.js";
import { stepPayload } from "../engine/event-payloads.js";
import { Driver, plans } from "../engine/machine-driver.js";
import { lastChecksum, newRun, reopened, tickingClock } from "./folders.js";

const turns = fc.array(
  fc.record({
    pick: fc.nat(1000),
    how: fc.constantFrom(...(["well", "well", "well", "lost", "unsaved", "aborted"] as const)),
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

function seen({ state, parallel, trials }: ProgressFacts): object {
  const steps = Object.entries(trials).map(([id, { step }]) => [id, step]);
  const over = Object.entries(trials).map(([id, { status }]) => [
    id,
    status === "waiting" || status === "running" ? "going on" : status,
  ]);
  return { state, parallel, steps, over };
}

/** Every event of the journal, each in full. */
function factsOf(events: readonly JournalEvent[]): ProgressFacts {
  const progress = new RunProgress();
  for (const event of events) progress.take(event);
  return progress.facts;
}

const progressOf = (run: string) => join(run, "progress.json");

/** As the journal's writer does now and then. */
function save(run: string, events: readonly JournalEvent[]): void {
  const { size: bytes } = statSync(join(run, "journal.jsonl"));
  writeProgress(run, factsOf(events), { bytes, checksum: lastChecksum(run) });
}

const started = {
  type: "trial_started",
  arm: "a",
  seed: 0,
  stage: "rl",
  iterations: 90,
} as const;

function episodes(count: number) {
  const ones = Array.from({ length: count }, () => 1);
  const many = ones.map(() => -1.2345678);
  return { prompt: ones, reward: many, kl: many, return: many, length: ones, weight: ones };
}

/** Twenty kilobytes of a journal. */
function longStep(step: number, changes: Parameters<typeof stepPayload>[0] = {}) {
  return stepPayload({ step, episodes: episodes(300), ...changes });
}

test("tells of every journal what its run's state is, read at once, in pieces or from a saved place", () => {
  fc.assert(
    fc.property(
      plans,
      turns,
      fc.array(fc.constantFrom("read", "save", "nothing", "nothing"), { minLength: 1 }),
      (plan, told, doings) => {
        const driver = driven(plan, told);
        const run = newRun();
        const summary = new JournalSummary(run.directory);
        const written: JournalEvent[] = [];
        for (const [at, event] of driver.events.entries()) {
          const { seq: _seq, time: _time, trial, ...eventPayload } = event;
          written.push(run.append(trial, eventPayload as JournalEvent));
          const doing = doings[at % doings.length];
          if (doing === "nothing") continue;
          expect(seen(summary.read())).toEqual(expected(driver.states[at]!));
          if (doing === "save") save(run.directory, written);
        }
        run.close();
        appendFileSync(join(run.directory, "journal.jsonl"), '{"seq":9999,"time":"');
        const fresh = new JournalSummary(run.directory).read();
        expect(fresh).toEqual(factsOf(written));
        expect(summary.read()).toEqual(fresh);
        expect(seen(fresh)).toEqual(expected(driver.state));
      },
    ),
    { numRuns: 60 },
  );
});

test("knows the last step's figures, and the pace", () => {
  const run = newRun({ now: tickingClock() });
  const summary = new JournalSummary(run.directory);
  run.append("a-s0", started);
  for (let step = 0; step < 60; step += 1) {
    run.append("a-s0", longStep(step, { cvar: -step, episodes: episodes(4096) }));
  }
  const facts = summary.read();
  expect(facts).toMatchObject({ last_trial: "a-s0", cvar: -59 });
  expect(facts.trials["a-s0"]).toMatchObject({ status: "running", iterations: 90, step: 60 });
  // The clock ticks a second an event.
  expect(facts.trials["a-s0"]!.pace).toBeCloseTo(1, 9);
  const { startedAt, lastStepAt } = facts.trials["a-s0"]!;
  expect(lastStepAt! - startedAt!).toBe(60);
  run.append(null, { type: "continued" });
  // The time that it was paused is no step's.
  expect(summary.read().trials["a-s0"]!.lastStepAt).toBeNull();
});

test("a step whose keys another writer ordered is a step", () => {
  const run = newRun();
  const { type, ...rest } = stepPayload({ step: 4, cvar: -3.5 });
  run.append("a-s0", { ...rest, type });
  expect(new JournalSummary(run.directory).read()).toMatchObject({
    last_trial: "a-s0",
    cvar: -3.5,
    trials: { "a-s0": { step: 5 } },
  });
});

test("a line that is being written waits; a journal that became shorter is read anew", () => {
  const run = newRun();
  const path = join(run.directory, "journal.jsonl");
  const summary = new JournalSummary(run.directory);
  run.append(null, { type: "paused" });
  appendFileSync(path, '{"seq":2,"time":"x","trial":null,"type":"contin');
  expect(summary.read().state).toBe("paused");
  appendFileSync(path, 'ued"}\n');
  expect(summary.read().state).toBe("running");
  truncateSync(path, 0);
  expect(summary.read()).toEqual(new RunProgress().facts);
  appendFileSync(path, "rubbish\n");
  expect(() => summary.read()).toThrow(/line at byte 0 is not an event/);
  expect(() => summary.read()).toThrow(/line at byte 0 is not an event/);
});

/** A run of so many steps whose journal begins with what is no event any more. */
function overwrittenRun(steps: number) {
  const run = newRun({ now: tickingClock() });
  run.append("a-s0", started);
  for (let step = 0; step < steps; step += 1) run.append("a-s0", longStep(step));
  const path = join(run.directory, "journal.jsonl");
  const whole = readFileSync(path);
  writeFileSync(path, Buffer.concat([Buffer.from("rubbish "), whole.subarray(8)]));
  return { run, path, whole };
}

test("of a long journal its end alone is read", () => {
  const { run } = overwrittenRun(50);
  const summary = new JournalSummary(run.directory);
  expect(summary.read().trials["a-s0"]).toMatchObject({ iterations: 90, step: 50 });
  run.append("a-s0", stepPayload({ step: 50 }));
  expect(summary.read().trials["a-s0"]).toMatchObject({ step: 51 });
});

test("a run that is taken up again goes on saving its progress", async () => {
  const { run, path, whole } = overwrittenRun(50);
  writeFileSync(path, whole);
  run.close();
  const { recorder } = await reopened(run.directory);
  const before = readFileSync(progressOf(run.directory), "utf8");
  for (let step = 50; step < 100; step += 1) recorder.append("a-s0", longStep(step));
  expect(readFileSync(progressOf(run.directory), "utf8")).not.toBe(before);
  expect(new JournalSummary(run.directory).read().trials["a-s0"]).toMatchObject({ step: 100 });
});

test.each([
  ["is gone", (file: string) => rmSync(file)],
  ["was cut", (file: string) => truncateSync(file, 50)],
  ["is empty", (file: string) => truncateSync(file, 0)],
  [
    "was changed",
    (file: string) =>
      writeFileSync(file, readFileSync(file, "utf8").replace('"iterations":90', '"iterations":91')),
  ],
  [
    "is of another format",
    (file: string) =>
      writeFileSync(file, readFileSync(file, "utf8").replace('"progress":2', '"progress":1')),
  ],
  [
    "is a folder",
    (file: string) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
])("a saved progress that %s counts for nothing", (_, spoil) => {
  const { run, path, whole } = overwrittenRun(50);
  spoil(progressOf(run.directory));
  expect(() => new JournalSummary(run.directory).read()).toThrow(/line at byte 0 is not an event/);
  writeFileSync(path, whole);
  expect(new JournalSummary(run.directory).read().trials["a-s0"]).toMatchObject({ step: 50 });
});

test("a saved progress of what the journal has no more counts for nothing", () => {
  const run = newRun();
  const paused = run.append(null, { type: "paused" });
  const path = join(run.directory, "journal.jsonl");
  const one = readFileSync(path);
  const continued = run.append(null, { type: "continued" });
  const { size } = statSync(path);
  save(run.directory, [paused, continued]);
  truncateSync(path, one.length);
  expect(new JournalSummary(run.directory).read().state).toBe("paused");
  // Another event of the same length in its place.
  const { time } = continued;
  const other = JSON.stringify({ seq: 2, time, trial: null, type: "something" });
  appendFileSync(path, checksummedLine(other, "").bytes);
  expect(statSync(path).size).toBe(size);
  expect(new JournalSummary(run.directory).read().state).toBe("paused");
});

test("progress that cannot be saved costs the run nothing", () => {
  const run = newRun();
  mkdirSync(progressOf(run.directory));
  run.append("a-s0", started);
  for (let step = 0; step < 50; step += 1) run.append("a-s0", longStep(step));
  expect(new JournalSummary(run.directory).read().trials["a-s0"]).toMatchObject({ step: 50 });
});
