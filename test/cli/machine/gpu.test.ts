/** What a worker tells of its GPU, from the worker to the journal and to what reads it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { firstDifference } from "../../../src/analysis/reproduction.js";
import { runHistory } from "../../../src/analysis/run-history.js";
import { readJournal } from "../../../src/journal/reader.js";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

const fakeGpu = fileURLToPath(new URL("fake_gpu.py", import.meta.url));

/** The folder of a finished run whose workers report this load. */
async function runOn(load: string): Promise<string> {
  const worker = join(scratch, `gpu-${load}.yaml`);
  writeFileSync(
    worker,
    JSON.stringify({
      name: "gpu",
      argv: [
        ...["{python}", fakeGpu, load, "--engine", "fake"],
        ...["--endpoint", "{endpoint}", "--session", "{session}"],
      ],
      environment: { PYTHONPATH: "{root}/python" },
    }),
  );
  const run = join(scratch, `run-${load}`);
  const settings = [`backend.worker=${worker}`, "arms=rlhf", "training.iterations=2"];
  const finished = await averse([
    ...["run", "smoke", "--run-dir", run],
    ...settings.flatMap((setting) => ["--set", setting]),
  ]);
  expect(finished.code, finished.stderr).toBe(0);
  return run;
}

test("load and memory reach the journal and `averse show`, and no figure hangs on them", {
  timeout: 120_000,
}, async () => {
  const [busy, unread] = await Promise.all([runOn("0.78"), runOn("unread")]);
  const gpu = { load: 0.78, memory_used_bytes: 12.4e9, memory_total_bytes: 139e9 };
  for (const [run, state] of [
    [busy, gpu],
    [unread, { ...gpu, load: null }],
  ] as const) {
    const events = readFileSync(join(run, "journal.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const type of ["worker_ready", "step", "evaluated"]) {
      const told = events.filter((event) => event.type === type);
      expect(told.length, type).toBeGreaterThan(0);
      for (const event of told) expect(event.gpu, type).toEqual(state);
    }
    const { view } = JSON.parse((await averse(["show", run, "--json"])).stdout);
    const trial = view.trials["rlhf-s0"];
    expect([trial.worker.gpu, ...trial.steps.map((step: { gpu: unknown }) => step.gpu)]).toEqual([
      ...[state, state, state],
    ]);
  }
  const [one, other] = await Promise.all(
    [busy, unread].map((run) => runHistory(["sft-s0", "rlhf-s0"], readJournal(run))),
  );
  expect(one!.get("rlhf-s0")!.steps.size).toBe(2);
  expect(firstDifference(one!, other!)).toBeNull();
});
