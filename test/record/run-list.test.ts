import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { Happening } from "../../src/experiment/events.js";
import { listRuns } from "../../src/record/run-list.js";
import { stepHappening } from "../experiment/happenings.js";
import { newRun, temporaryFolder, tickingClock } from "./folders.js";

const started: Happening = {
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
  done.append("rlhf-s0", stepHappening({ step: 0, cvar: -3 }));
  done.append("rlhf-s0", stepHappening({ step: 1, cvar: -2 }));
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
    cvar: -2,
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
  expect(await listRuns(join(temporaryFolder(), "none"))).toEqual([]);
});
