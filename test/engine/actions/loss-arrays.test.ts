import { expect, test } from "vitest";
import { lossArrays } from "../../../src/engine/actions/loss-arrays.js";
import { generator } from "../../../src/stats/random.js";
import { smallExperiment } from "../experiments.js";

const arm = (training: object) => smallExperiment({ arms: { mine: { training } } }).arms.mine!;

const batch = {
  returns: Float32Array.of(1, 2, 3, 4),
  rewards: Float32Array.of(1, 2, 3, 4),
  weights: Float32Array.of(1, 1, 0, 0),
  failed: new Set<number>(),
  naturalWeights: Float64Array.of(1, 1, 1, 1),
};

test("rewards of the risk measure go to a worker with a critic, beside the weights", () => {
  const replacedRewards = Float32Array.of(-1, 0.5, 0, 0);
  const arrays = lossArrays(arm({}), { ...batch, replacedRewards }, 0.1, generator(1));
  expect(arrays.weights).toEqual(batch.weights);
  expect(arrays.rewards).toEqual(replacedRewards);
  const plain = lossArrays(arm({}), { ...batch, replacedRewards: null }, 0.1, generator(1));
  expect(plain.rewards).toBeNull();
});

test("an algorithm without a critic sends neither", () => {
  const replacedRewards = Float32Array.of(-1, 0.5, 0, 0);
  const rloo = arm({ algorithm: "rloo", completions: 2 });
  const arrays = lossArrays(rloo, { ...batch, replacedRewards }, 0.1, generator(1));
  expect(arrays).toMatchObject({ weights: null, rewards: null });
});
