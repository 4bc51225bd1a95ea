/** How many trials work side by side, and where, is as their worker says. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
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
  const [first] = readFileSync(join(run, "journal.jsonl"), "utf8").split("\n");
  const lines = readFileSync(started, "utf8").trimEnd().split("\n");
  return {
    parallel: JSON.parse(first!).parallel,
    trials: JSON.parse(first!).trials.length,
    starts: lines.filter((line) => line.startsWith("start")).length,
    devices: new Set(lines.flatMap((line) => (line.startsWith("load ") ? [line.slice(5)] : []))),
  };
}

test("a trial per GPU that the worker has, and no worker more than trials", {
  timeout: 120_000,
}, async () => {
  const two = await runOn("two", "cuda:0", "cpu,cuda:0,cuda:1", "backend.device=auto");
  expect(two).toMatchObject({ parallel: 2, starts: two.trials });
  expect(two.devices).toEqual(new Set(["cuda:0", "cuda:1"]));
});

test("one at a time on a Mac's GPU, as many as the cores hold on a CPU", {
  timeout: 120_000,
}, async () => {
  const [mac, cpu] = await Promise.all([
    runOn("mac", "mps", "cpu,mps", "backend.device=auto"),
    runOn("cpu", "cpu", "cpu", "backend.device=auto"),
  ]);
  expect(mac).toMatchObject({ parallel: 1, starts: mac.trials });
  expect(cpu).toMatchObject({ parallel: Math.min(3, cpu.trials), starts: cpu.trials });
});
