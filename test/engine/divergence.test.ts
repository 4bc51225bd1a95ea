/** A policy that diverges is told of while it trains, not only in the report. */
import { expect, test } from "vitest";
import { smallExperiment } from "./experiments.js";
import { Harness } from "./run-harness.js";

async function warnings(target: number): Promise<string[]> {
  const arms = { "ra-rlhf": { kl: { target, k_beta: 0 } } };
  const run = new Harness(smallExperiment({ arms, parallel: 1 }));
  expect((await run.run()).outcome).toBe("done");
  return run.events.flatMap((event) =>
    event.type === "warning" ? [`${event.trial}: ${event.message}`] : [],
  );
}

test("KL far over its target is a warning in the journal, once for a trial", async () => {
  const told = await warnings(1e-4);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(
    /^ra-rlhf-s0: the policy at iteration \d has diverged: its KL is [\d.]+ nats per episode, with kl.target at 0.0001$/,
  );
  expect(await warnings(1e4)).toEqual([]);
});
