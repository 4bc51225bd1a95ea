import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EventPayload } from "../../src/journal/events.js";
import { isRun, latestRun, listRuns, RunList, runNames } from "../../src/store/run-list.js";
import { stepPayload } from "../engine/event-payloads.js";
import { giveAway, withoutPrivileges } from "../unprivileged.js";
import { newRun, temporaryFolder, tickingClock } from "./folders.js";

const started: EventPayload = {
  type: "run_started",
  name: "small",
  trials: ["sft-s0", "rlhf-s0"],
  parallel: 1,
};

test("runs are listed newest first, with how far they came", async () => {
  const runsFolder = temporaryFolder();
  const now = tickingClock();
  const done = newRun({ runsFolder, now });
  done.append(null, started);
  done.append("sft-s0", { type: "trial_finished", seconds: 1 });
  done.append("rlhf-s0", stepPayload({ step: 0, cvar: -3 }));
  done.append("rlhf-s0", stepPayload({ step: 1, cvar: -2 }));
  done.append("rlhf-s0", { type: "trial_finished", seconds: 1 });
  done.append(null, { type: "run_finished", outcome: "done", message: "", seconds: 9 });
  const running = newRun({ runsFolder, now });
  running.append(null, started);
  newRun({ runsFolder, now }).close();
  mkdirSync(join(runsFolder, "no-run"));
  writeFileSync(join(runsFolder, "file"), "");

  const runs = await listRuns(runsFolder);
  expect(runs.map(({ state }) => state)).toEqual(["stopped", "running", "done"]);
  expect(runs[2]).toEqual({
    id: expect.stringMatching(/^small-[0-9a-f]{8}$/),
    directory: done.directory,
    name: "small",
    purpose: "",
    state: "done",
    started: expect.any(String),
    finished: expect.any(String),
    trials: 2,
    trialsDone: 2,
    trial: "rlhf-s0",
    step: 2,
    iterations: null,
    cvar: -2,
    etaSeconds: null,
    title: "",
    tags: [],
    note: "",
    message: "",
  });
  expect(runs[1]).toMatchObject({ trials: 2, trialsDone: 0, trial: null, step: null });
});

test("a damaged run is listed as one, and a torn last line is none", async () => {
  const runsFolder = temporaryFolder();
  const now = tickingClock();
  const torn = newRun({ runsFolder, now });
  torn.append(null, started);
  torn.close();
  writeFileSync(join(torn.directory, "journal.jsonl"), `{"seq":1`, { flag: "a" });
  const damaged = newRun({ runsFolder, now });
  writeFileSync(join(damaged.directory, "manifest.json"), "{");
  const runs = await listRuns(runsFolder);
  const of = (directory: string) => runs.find((run) => run.directory === directory);
  expect(of(torn.directory)).toMatchObject({ state: "stopped", trials: 2 });
  expect(of(damaged.directory)).toMatchObject({
    state: "damaged",
    message: expect.stringMatching(/not JSON/),
  });
});

test.each([
  ["whose lock is gone", undefined, "stopped"],
  ["whose lock's owner is dead", { pid: 2 ** 22 + 1 }, "stopped"],
  ["that another machine has", { host: "elsewhere" }, "running"],
])("a run %s", async (_, owner, state) => {
  const runsFolder = temporaryFolder();
  const { directory } = newRun({ runsFolder });
  const lock = join(directory, "lock", "000001.json");
  const whole = JSON.parse(readFileSync(lock, "utf8"));
  if (owner === undefined) rmSync(dirname(lock), { recursive: true });
  else writeFileSync(lock, JSON.stringify({ ...whole, ...owner }));
  expect(await listRuns(runsFolder)).toMatchObject([{ state }]);
});

test("a missing runs folder has no runs", async () => {
  const none = join(temporaryFolder(), "none");
  expect(await listRuns(none)).toEqual([]);
  expect(runNames(none)).toEqual([]);
  expect(latestRun(none)).toBeNull();
});

describe("what may not be read", () => {
  const file = (directory: string) => join(directory, "manifest.json");

  function oneRun() {
    const runsFolder = temporaryFolder();
    const { directory } = newRun({ runsFolder });
    giveAway(runsFolder, directory);
    return { runsFolder, directory };
  }

  /** As somebody whom permissions bind, while the folder has this mode. */
  function withMode<T>(folder: string, mode: number, call: () => T): T {
    chmodSync(folder, mode);
    try {
      return withoutPrivileges(call);
    } finally {
      chmodSync(folder, 0o700);
    }
  }

  test("a run is listed with the reason, and found by its name", () => {
    const { runsFolder, directory } = oneRun();
    const found = withMode(directory, 0, () => ({
      list: new RunList(runsFolder).read(),
      latest: latestRun(runsFolder),
      there: catching(() => isRun(directory)),
    }));
    const message = `cannot read ${file(directory)}: no permission`;
    expect(found).toMatchObject({
      list: [{ state: "damaged", name: basename(directory), message }],
      latest: basename(directory),
      there: { reason: "permission", message },
    });
  });

  test("a runs folder that names its runs and lets nobody into them", () => {
    const { runsFolder, directory } = oneRun();
    const list = withMode(runsFolder, 0o400, () => new RunList(runsFolder).read());
    expect(list).toMatchObject([{ message: `cannot read ${file(directory)}: no permission` }]);
  });

  test("a runs folder that tells nothing is an error", () => {
    const { runsFolder } = oneRun();
    const told = withMode(runsFolder, 0, () => catching(() => new RunList(runsFolder).read()));
    expect(told).toMatchObject({
      reason: "permission",
      message: `cannot read ${runsFolder}: no permission`,
    });
  });

  test.each([
    ["a file", (folder: string) => file(folder)],
    ["a name that no folder can have", (folder: string) => join(folder, "x".repeat(300))],
    ["a folder without a manifest", (folder: string) => join(folder, "logs")],
  ])("%s is no run", (_, place) => {
    expect(isRun(place(newRun().directory))).toBe(false);
  });

  function catching(call: () => unknown): unknown {
    try {
      return call();
    } catch (error) {
      return error;
    }
  }
});

test("the latest is the one that started last, a damaged one only where there is no other", () => {
  const runsFolder = temporaryFolder();
  const damaged = newRun({ runsFolder, now: tickingClock() });
  writeFileSync(join(damaged.directory, "manifest.json"), "{");
  expect(latestRun(runsFolder)).toBe(basename(damaged.directory));
  const now = tickingClock();
  newRun({ runsFolder, now });
  const second = newRun({ runsFolder, now });
  expect(latestRun(runsFolder)).toBe(basename(second.directory));
});

test("a running run tells what it was asked for, and when it will be done", () => {
  const runsFolder = temporaryFolder();
  const run = newRun({ runsFolder, now: tickingClock() });
  let seconds = 0;
  const list = new RunList(runsFolder, () => seconds);
  const now = () => list.read()[0]!;
  run.append(null, { ...started, trials: ["sft-s0", "rlhf-s0", "ra-rlhf-s0"] });
  expect(now()).toMatchObject({ state: "running", etaSeconds: null, step: null });
  const facts = {
    type: "trial_started",
    arm: "rlhf",
    seed: 0,
    stage: "rl",
    iterations: 6,
  } as const;
  run.append("sft-s0", { type: "trial_finished", seconds: 1 });
  run.append("rlhf-s0", facts);
  // The clock ticks a second an event: the pace. One place: this trial's 4 steps, then 6.
  run.append("rlhf-s0", stepPayload({ step: 0 }));
  const { time } = run.append("rlhf-s0", stepPayload({ step: 1, cvar: -7 }));
  seconds = Date.parse(time) / 1000;
  expect(now()).toMatchObject({ trial: "rlhf-s0", step: 2, iterations: 6, cvar: -7 });
  expect(now().etaSeconds).toBe(10);
  run.append(null, { type: "paused" });
  expect(now()).toMatchObject({ state: "paused", etaSeconds: null });
  run.append(null, { type: "continued" });
  expect(now()).toMatchObject({ state: "running" });
  run.append(null, { type: "stop_requested", how: "after-step" });
  expect(now()).toMatchObject({ state: "stopping", etaSeconds: null });
  run.close();
  expect(now()).toMatchObject({ state: "stopped" });
});

test("a manifest that was changed is damage, however it was changed", async () => {
  const runsFolder = temporaryFolder();
  const { directory } = newRun({ runsFolder });
  const path = join(directory, "manifest.json");
  const list = new RunList(runsFolder);
  expect(list.read()).toMatchObject([{ state: "running" }]);
  writeFileSync(path, readFileSync(path, "utf8").replace('"small"', '"SMALL"'));
  expect(list.read()).toMatchObject([
    { state: "damaged", message: expect.stringMatching(/was changed/) },
  ]);
});
