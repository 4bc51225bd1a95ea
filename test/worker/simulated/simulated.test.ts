import { describe, expect, test } from "vitest";
import { float32Array, float32Bytes, uint32Array } from "../../../src/protocol/arrays.js";
import { plainRollout, plainUpdate } from "../../../src/protocol/plain-payloads.js";
import { builtinEvaluate, builtinLoad } from "../../../src/worker/conformance/payloads.js";
import { workerContract } from "../contract.js";
import { simulatedWorker } from "./worker.js";

describe("simulated worker", () => {
  workerContract(async () => simulatedWorker({ seed: 1 }));

  test("its world is a function of its seed", async () => {
    const scores = async (seed: number) => {
      const worker = simulatedWorker({ seed });
      const { train } = await worker.call("load", builtinLoad);
      const asked = { split: "train", prompts: train.ids, known: null } as const;
      return float32Array((await worker.call("score_prompts", asked)).combined);
    };
    expect(await scores(1)).toEqual(await scores(1));
    expect(await scores(1)).not.toEqual(await scores(2));
  });

  test("the number of prompts is the caller's", async () => {
    const worker = simulatedWorker({ seed: 1, prompts: { train: 10, test: 4 } });
    const { train, test } = await worker.call("load", builtinLoad);
    expect(uint32Array(train.ids)).toHaveLength(10);
    expect([...uint32Array(test.ids)]).toEqual([10, 11, 12, 13]);
  });

  test("a GPU is the caller's too, and told with every result that tells of memory", async () => {
    for (const gpu of [null, { load: 0.5, memory_used_bytes: 1e9, memory_total_bytes: 2e9 }]) {
      const worker = simulatedWorker({ gpu });
      const loaded = await worker.call("load", builtinLoad);
      const { rollout } = await worker.call("rollout", plainRollout([1, 2]));
      const payload = { ...plainUpdate(rollout, null), weights: float32Bytes([1, 1]), seed: 1 };
      const updated = await worker.call("update", payload);
      const evaluated = await worker.call("evaluate", builtinEvaluate([400, 401]));
      expect([loaded.gpu, updated.gpu, evaluated.gpu]).toEqual([gpu, gpu, gpu]);
    }
  });

  test("rewards fail where a test wants them to, and those episodes carry no weight", async () => {
    const failing = new Map([
      [3, "timeout"],
      [12, "not-finite"],
    ] as const);
    const worker = simulatedWorker({ seed: 1, prompts: { train: 10, test: 4 }, failing });
    const whole = simulatedWorker({ seed: 1, prompts: { train: 10, test: 4 } });
    const results = [];
    for (const one of [worker, whole]) {
      await one.call("load", builtinLoad);
      results.push(await one.call("rollout", plainRollout([1, 3, 5, 3])));
    }
    const [rolled, plain] = results;
    const [component] = rolled!.components;
    expect(component!.failures).toMatchObject([{ kind: "timeout" }]);
    expect([...uint32Array(component!.failures[0]!.episodes)]).toEqual([1, 3]);
    for (const field of ["reward", "return", "lambda_return"] as const) {
      const [own, all] = [float32Array(rolled![field]!), float32Array(plain![field]!)];
      expect([...own]).toEqual([all[0], Number.NaN, all[2], Number.NaN]);
    }
    const [trained, all] = [rolled!, plain!].map((one) => float32Array(one.trained[0]!));
    expect([...trained!]).toEqual([all![0], Number.NaN, all![2], Number.NaN]);
    expect(rolled!.kl).toEqual(plain!.kl);
    const update = (weights: number[]) =>
      worker.call("update", plainUpdate(rolled!.rollout, weights));
    await expect(update([1, 1, 1, 0])).rejects.toThrow(/that episode has no reward/);
    expect((await update([1, 0, 1, 0])).episodes).toBe(2);
    const evaluation = await worker.call("evaluate", builtinEvaluate([10, 11, 12, 13]));
    expect([...float32Array(evaluation.reward)].map(Number.isNaN)).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(evaluation.samples.find(({ prompt }) => prompt === 12)?.reward ?? null).toBeNull();
  });

  /** Mean of the worst tenth of the test rewards after training on the `kept` worst of each batch. */
  async function trainedTail(kept: number): Promise<number> {
    const worker = simulatedWorker({ seed: 3, prompts: { train: 2000, test: 2000 } });
    const { train, test } = await worker.call("load", builtinLoad);
    const ids = uint32Array(train.ids);
    for (let step = 0; step < 150; step++) {
      const asked = Uint32Array.from({ length: 64 }, (_, i) => ids[(step * 64 + i) % ids.length]!);
      const rollout = await worker.call("rollout", plainRollout(asked, step, 0.05));
      const returns = float32Array(rollout.return);
      const bar = [...returns].sort((a, b) => a - b)[kept - 1]!;
      const weights = float32Bytes(returns.map((value) => (value <= bar ? 1 : 0)));
      const payload = {
        ...plainUpdate(rollout.rollout, null),
        weights,
        seed: step,
        learning_rate_factor: 0.3,
      };
      await worker.call("update", payload);
    }
    const evaluation = await worker.call("evaluate", builtinEvaluate(uint32Array(test.ids)));
    const rewards = [...float32Array(evaluation.reward)].sort((a, b) => a - b).slice(0, 200);
    return rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  }

  test("the weights decide what is learned: the tail lifts the tail", async () => {
    expect(await trainedTail(26)).toBeGreaterThan(await trainedTail(64));
  });
});
