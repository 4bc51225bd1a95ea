import { describe, expect, test } from "vitest";
import { float32Array, float32Bytes, uint32Array } from "../../src/protocol/arrays.js";
import { simulatedWorker } from "../../src/worker/simulated.js";
import { workerContract } from "./contract.js";
import { evaluatePayload, loadPayload, rolloutPayload } from "./payloads.js";

describe("simulated worker", () => {
  workerContract(async () => simulatedWorker({ seed: 1 }));

  test("its world is a function of its seed", async () => {
    const scores = async (seed: number) => {
      const { train } = await simulatedWorker({ seed }).call("load", loadPayload);
      return float32Array(train.scores);
    };
    expect(await scores(1)).toEqual(await scores(1));
    expect(await scores(1)).not.toEqual(await scores(2));
  });

  test("the number of prompts is the caller's", async () => {
    const worker = simulatedWorker({ seed: 1, prompts: { train: 10, test: 4 } });
    const { train, test } = await worker.call("load", loadPayload);
    expect(uint32Array(train.ids)).toHaveLength(10);
    expect([...uint32Array(test.ids)]).toEqual([10, 11, 12, 13]);
  });

  /** Mean of the worst tenth of the test rewards after training on the `kept` worst of each batch. */
  async function trainedTail(kept: number): Promise<number> {
    const worker = simulatedWorker({ seed: 3, prompts: { train: 2000, test: 2000 } });
    const { train, test } = await worker.call("load", loadPayload);
    const ids = uint32Array(train.ids);
    for (let step = 0; step < 150; step++) {
      const asked = Uint32Array.from({ length: 64 }, (_, i) => ids[(step * 64 + i) % ids.length]!);
      const rollout = await worker.call("rollout", rolloutPayload(asked, step, 0.05));
      const returns = float32Array(rollout.return);
      const bar = [...returns].sort((a, b) => a - b)[kept - 1]!;
      const weights = float32Bytes(returns.map((value) => (value <= bar ? 1 : 0)));
      const payload = { rollout: rollout.rollout, weights, seed: step, learning_rate_factor: 0.3 };
      await worker.call("update", payload);
    }
    const evaluation = await worker.call("evaluate", evaluatePayload(uint32Array(test.ids)));
    const rewards = [...float32Array(evaluation.reward)].sort((a, b) => a - b).slice(0, 200);
    return rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  }

  test("the weights decide what is learned: the tail lifts the tail", async () => {
    expect(await trainedTail(26)).toBeGreaterThan(await trainedTail(64));
  });
});
