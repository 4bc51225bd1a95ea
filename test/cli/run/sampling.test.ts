/** Samplers that remember, with the real program and a real worker process: killed and resumed. */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { StepEvent } from "../../../src/journal/events.js";
import { readJournal } from "../../../src/journal/reader.js";
import { averse, buildProgramFirst, scratch, start } from "../averse.js";

buildProgramFirst();

const set = [
  "arms.ra-rlhf.sampling.strategy=cross-entropy",
  "arms.ra-rlhf.sampling.strata=4",
  "arms.rlhf.sampling.strategy=replay",
  "sft.steps=0",
  "trials.parallel=1",
  "training.iterations=16",
  "checkpoint.every=6",
  "evaluation.every=0",
].flatMap((key) => ["--set", key]);

type Figures = Pick<StepEvent, "memory" | "sampling" | "cvar" | "batch_fraction" | "episodes">;

/** By trial and iteration, as last taken. */
async function stepsOf(folder: string): Promise<Readonly<Record<string, Figures>>> {
  const steps: Record<string, Figures> = {};
  for await (const event of readJournal(folder)) {
    if (event.type === "step") {
      const { memory, sampling, cvar, batch_fraction, episodes } = event;
      const key = `${event.trial} ${event.step}`;
      steps[key] = { memory, sampling, cvar, batch_fraction, episodes };
    }
  }
  return steps;
}

test("a run that is killed and resumed draws what the unbroken one drew", async () => {
  const [whole, killed] = [join(scratch, "whole"), join(scratch, "killed")];
  const run = (folder: string) => ["run", "smoke", "--plain", "--run-dir", folder, ...set];
  expect(await averse(run(whole))).toMatchObject({ code: 0, stderr: "" });
  const started = start(run(killed));
  await started.saying("iteration 9/16");
  started.child.kill("SIGKILL");
  await started.finished;
  expect(await averse(["resume", killed, "--plain"])).toMatchObject({ code: 0 });
  const steps = await stepsOf(whole);
  expect(Object.keys(steps)).toHaveLength(32);
  const last = steps["ra-rlhf-s0 15"]!;
  expect(last.sampling!.shares).not.toEqual(last.sampling!.natural);
  expect(steps["rlhf-s0 15"]!.batch_fraction).toBe(0.5);
  expect(await stepsOf(killed)).toEqual(steps);
}, 90_000);
