/**
 * How many trials work side by side, and where, is as their worker says. Workers are handed from
 * trial to trial: as many are started as trials work at once, and no more.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { JournalEvent } from "../../../src/journal/events.js";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

const script = fileURLToPath(new URL("several_devices.py", import.meta.url));

/** A finished run of three trials, and what its workers wrote down. */
async function runOn(name: string, auto: string, names: string, ...settings: string[]) {
  const worker = join(scratch, `${name}.yaml`);
  const started = join(scratch, `${name}.txt`);
  writeFileSync(
    worker,
    JSON.stringify({
      name: "several",
      argv: [
        ...["{python}", script, started, auto, names, "--engine", "fake"],
        ...["--endpoint", "{endpoint}", "--session", "{session}"],
      ],
      environment: { PYTHONPATH: "{root}/python" },
    }),
  );
  const run = join(scratch, `run-${name}`);
  const all = [`backend.worker=${worker}`, "training.iterations=4", "sft.steps=0", ...settings];
  const finished = await averse([
    ...["run", "smoke", "--run-dir", run],
    ...all.flatMap((setting) => ["--set", setting]),
  ]);
  expect(finished.code, finished.stderr).toBe(0);
  const events: JournalEvent[] = readFileSync(join(run, "journal.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const [first] = events;
  const lines = readFileSync(started, "utf8").trimEnd().split("\n");
  const loads = lines.flatMap((line) => (line.startsWith("load ") ? [line.slice(5)] : []));
  return {
    parallel: first?.type === "run_started" ? first.parallel : null,
    trials: first?.type === "run_started" ? first.trials.length : null,
    atOnce: mostAtOnce(events),
    workers: lines.filter((line) => line.startsWith("start")).length,
    loads: loads.length,
    devices: new Set(loads),
  };
}

/** Most trials that had begun and were not over. */
function mostAtOnce(events: readonly JournalEvent[]): number {
  const atWork = new Set<string>();
  let most = 0;
  for (const { type, trial } of events) {
    if (type === "trial_started") atWork.add(trial!);
    if (type === "trial_finished") atWork.delete(trial!);
    most = Math.max(most, atWork.size);
  }
  return most;
}

test("a trial per GPU that the worker has, on one each", {
  timeout: 120_000,
}, async () => {
  const two = await runOn("two", "cuda:0", "cpu,cuda:0,cuda:1", "backend.device=auto");
  expect(two).toMatchObject({ parallel: 2, workers: 2, trials: 3, loads: 3 });
  expect(two.atOnce).toBeLessThanOrEqual(2);
  expect(two.devices).toEqual(new Set(["cuda:0", "cuda:1"]));
});

test("one at a time on a Mac's GPU, as many as the cores hold on a CPU", {
  timeout: 120_000,
}, async () => {
  const [mac, cpu] = await Promise.all([
    runOn("mac", "mps", "cpu,mps", "backend.device=auto"),
    runOn("cpu", "cpu", "cpu", "backend.device=auto"),
  ]);
  expect(mac).toMatchObject({ parallel: 1, workers: 1, atOnce: 1, trials: 3, loads: 3 });
  // There is nothing to choose from: each worker takes the device that it reported.
  expect(mac.devices).toEqual(new Set(["auto"]));
  expect(cpu).toMatchObject({ parallel: 3, workers: 3, trials: 3, loads: 3 });
  expect(cpu.devices).toEqual(new Set(["auto"]));
});
