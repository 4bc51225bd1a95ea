/** A critic-free run with the real program and a real worker process, stopped, resumed and repeated. */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { StepEvent } from "../../../src/journal/events.js";
import { readJournal } from "../../../src/journal/reader.js";
import { averse, buildProgramFirst, scratch, start } from "../averse.js";

buildProgramFirst();

const set = [
  "arms=ra-rlhf",
  "sft.steps=0",
  "training.algorithm=grpo",
  "training.completions=4",
  "training.iterations=100",
  "kl.anchors=0.5",
  "checkpoint.every=20",
  "evaluation.every=0",
].flatMap((key) => ["--set", key]);

type Figures = Pick<
  StepEvent,
  "step" | "groups" | "kl_loss" | "reward_mean" | "figures" | "episodes"
>;

/** By iteration, as last taken. */
async function stepsOf(folder: string): Promise<ReadonlyMap<number, Figures>> {
  const steps = new Map<number, Figures>();
  for await (const event of readJournal(folder)) {
    if (event.type === "step") {
      const { step, groups, kl_loss, reward_mean, figures, episodes } = event;
      steps.set(step, { step, groups, kl_loss, reward_mean, figures, episodes });
    }
  }
  return steps;
}

test("grpo through a stop and a resume is what it is without", async () => {
  const [whole, stopped] = [join(scratch, "whole"), join(scratch, "stopped")];
  const run = (folder: string) => ["run", "smoke", "--plain", "--run-dir", folder, ...set];
  expect(await averse(run(whole))).toMatchObject({ code: 0, stderr: "" });
  const started = start(run(stopped));
  await started.saying("iteration 3/100");
  started.child.kill("SIGINT");
  expect((await started.finished).code).toBe(130);
  expect(await averse(["resume", stopped, "--plain"])).toMatchObject({ code: 0 });
  const steps = await stepsOf(whole);
  expect(steps.size).toBe(100);
  expect(steps.get(0)!.groups).toMatchObject({ prompts: 4, completions: 4 });
  expect(await stepsOf(stopped)).toEqual(steps);
}, 60_000);
