/** What an engine declares in its hello, figures and options, and what becomes of it in a run. */
import { expect, test } from "vitest";
import type { Result } from "../../src/protocol/messages.js";
import { smallExperiment } from "./experiments.js";
import { Harness, type Trick } from "./run-harness.js";

test("figures that the engine does not report are null, and others are kept under their names", async () => {
  const trick: Trick = ({ command, pass }) =>
    command === "update"
      ? pass().then((answer) => {
          const result = answer as Result<"update">;
          return { ...result, figures: { loss_policy: 0.5, entropy: 1, luck: 7 } };
        })
      : null;
  const experiment = smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 }, parallel: 1 });
  const harness = new Harness(experiment, trick);
  expect((await harness.run()).outcome).toBe("done");
  for (const step of harness.steps("rlhf-s0")) {
    expect(step).toMatchObject({ loss_policy: 0.5, loss_value: null, grad_norm: null });
    expect(step.figures).toEqual({ luck: 7 });
    expect(step.entropy).toBeGreaterThan(0);
  }
});

test("options that the engine does not describe are refused before anything is loaded", async () => {
  const commands: string[] = [];
  const experiment = smallExperiment({
    arms: { rlhf: {} },
    sft: { steps: 0 },
    backend: { engine_options: { speed: "fast" } },
  });
  const harness = new Harness(experiment, ({ command }) => {
    commands.push(command);
    return null;
  });
  const outcome = await harness.run();
  expect(outcome).toMatchObject({ outcome: "failed", kind: "input" });
  expect((outcome as { message: string }).message).toContain("backend.engine_options.speed");
  expect((outcome as { message: string }).message).toContain('"minimum":0');
  expect(commands).not.toContain("load");
});
