/** A policy that diverges is told of while it trains, not only in the report. */
import { expect, test } from "vitest";
import { smallExperiment } from "./experiments.js";
import { Harness } from "./run-harness.js";

async function warnings(target: number, every: number): Promise<string[]> {
  const arms = { "ra-rlhf": { kl: { target, k_beta: 0 }, training: { learning_rate: 0.5 } } };
  const run = new Harness(smallExperiment({ arms, parallel: 1, evaluation: { every } }));
  expect((await run.run()).outcome).toBe("done");
  return run.events.flatMap((event) =>
    event.type === "warning" ? [`${event.trial}: ${event.message}`] : [],
  );
}

// Without evaluations on the way the batches alone tell, and long before the last evaluation.
test.each([2, 0])(
  "KL far over its target is one warning, with an evaluation every %d",
  async (every) => {
    const told = await warnings(1e-4, every);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^ra-rlhf-s0: the policy at iteration \d has diverged: its KL is [\d.]+ nats per episode, with kl.target at 0.0001$/,
    );
    expect(told[0]).not.toContain("at iteration 6");
    expect(await warnings(1e4, every)).toEqual([]);
  },
);
