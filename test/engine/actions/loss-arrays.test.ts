import { describe, expect, test } from "vitest";
import { klCoefficient, lossArrays } from "../../../src/engine/actions/loss-arrays.js";
import { generator } from "../../../src/stats/random.js";
import { smallExperiment } from "../experiments.js";
import { batchOf } from "./batches.js";

const arm = (training: object) => smallExperiment({ arms: { mine: { training } } }).arms.mine!;

const weights = Float32Array.of(1, 1, 0, 0);
const none = { weights, advantages: null, rewards: null };
const batch = {
  ...batchOf([1, 2, 3, 4]),
  lengths: [3, 3, 3, 3],
  failed: new Set<number>(),
  klBase: Float64Array.of(1, 1, 1, 1),
};

test("rewards of the risk measure go to a worker with a critic, beside the weights", () => {
  const rewards = Float32Array.of(-1, 0.5, 0, 0);
  const selected = { ...none, rewards };
  const arrays = lossArrays(arm({}), { ...batch, selected }, 0.1, generator(1));
  expect(arrays.weights).toEqual(weights);
  expect(arrays.rewards).toEqual(rewards);
  const plain = lossArrays(arm({}), { ...batch, selected: none }, 0.1, generator(1));
  expect(plain.rewards).toBeNull();
});

test("an algorithm without a critic sends neither", () => {
  const rewards = Float32Array.of(-1, 0.5, 0, 0);
  const rloo = arm({ algorithm: "rloo", completions: 2 });
  const arrays = lossArrays(rloo, { ...batch, selected: { ...none, rewards } }, 0.1, generator(1));
  expect(arrays).toMatchObject({ weights: null, rewards: null });
  // Each against the other of its prompt.
  expect([...arrays.advantages!]).toEqual([-1.5, 1.5, 0, 0]);
});

describe("the coefficient of a KL loss", () => {
  const beta = 0.3;
  const coefficient = (training: object, unit: "advantage" | "reward", changes: object = {}) => {
    const arm = smallExperiment({ arms: { mine: { training, kl: { form: "loss", unit } } } });
    return klCoefficient(arm.arms.mine!, { ...batch, selected: none, ...changes }, beta);
  };
  const grpo = { algorithm: "grpo", completions: 2, scale_rewards: "batch" };

  test.each([
    { algorithm: "ppo" },
    { algorithm: "rloo", completions: 2 },
    { algorithm: "reinforce" },
    { ...grpo, scale_rewards: "none" },
  ])("is β in either unit where the controller divides nothing: %j", (training) => {
    expect(coefficient(training, "advantage")).toBe(beta);
    expect(coefficient(training, "reward")).toBe(beta);
  });

  test("is β over the batch's deviation as grpo's advantages are, in units of the reward", () => {
    const sd = Math.sqrt(5 / 3) + 1e-4;
    expect(coefficient(grpo, "advantage")).toBe(beta);
    expect(coefficient(grpo, "reward")).toBeCloseTo(beta / sd, 12);
    const trained = Float32Array.of(1, 2, 3, 4);
    // R̄ + R' − R of 2, 4, 6, 8: twice as far apart.
    const rewards = Float32Array.of(2, 4, 6, 8);
    const replaced = { trained, selected: { ...none, rewards } };
    expect(coefficient(grpo, "reward", replaced)).toBeCloseTo(beta / (2 * (sd - 1e-4) + 1e-4), 12);
    const advantages = Float32Array.of(-1, 0, 0, 1);
    expect(coefficient(grpo, "reward", { selected: { ...none, advantages } })).toBe(beta);
    const equal = { returns: Float32Array.of(1, 1, 1, 1) };
    expect(coefficient(grpo, "reward", equal)).toBeCloseTo(beta * 1e4, 6);
  });
});

describe("without a critic", () => {
  const rloo = { algorithm: "rloo", completions: 2 } as const;
  const armOf = (risk: object, training: object = {}) =>
    smallExperiment({
      reward: [
        { name: "quality", kind: "length", target: 8 },
        { name: "harm", kind: "length", target: 9 },
      ],
      arms: { mine: { risk, training: { ...rloo, ...training } } },
    }).arms.mine!;

  test("the measure's signed advantages take the place of the algorithm's, as they are", () => {
    const advantages = Float32Array.of(-3, 0, -1, 0);
    const selected = { ...none, advantages };
    const own = armOf({ measure: "cvar-policy-gradient" });
    const arrays = lossArrays(own, { ...batch, selected }, 0.1, generator(1));
    expect(arrays.advantages).toEqual(advantages);
  });

  test("rewards of the measure keep the KL that is in the return, and the discount", () => {
    const returns = Float32Array.of(1, 2, 3, 4);
    const trained = Float32Array.of(4, 8, 12, 16);
    const rewards = Float32Array.of(0, 8, 12, 0);
    const own = armOf({ measure: "hinge" }, { gamma: 0.5 });
    const asked = { ...batch, returns, trained, selected: { ...none, rewards } };
    const arrays = lossArrays(own, asked, 0.1, generator(1));
    // R̄ + γ²·(R' − R): 1 − 1, 2, 3, 4 − 4.
    expect([...arrays.advantages!]).toEqual([-2, 2, 3, -3]);
  });

  test("weights of one component scale that component's advantages, λ times, and no other's", () => {
    const harm = Float32Array.of(-1, 0, 0, -2);
    const quality = Float32Array.of(1, 3, 2, 2);
    const returns = Float32Array.from(harm, (value, at) => value + quality[at]!);
    const component = { component: "harm", component_weight: 3 };
    const asked = {
      ...batch,
      returns,
      trained: returns,
      trainedByComponent: { quality, harm },
      selected: { ...none, weights: Float32Array.of(1, 0, 0, 1) },
    };
    const arrays = lossArrays(armOf(component), asked, 0.1, generator(1));
    // Others: ∓2, 0, 0; harm: −1, 1, 2, −2 by w·N/Σw = 2, 0, 0, 2, three times.
    expect([...arrays.advantages!]).toEqual([-2 - 6, 2, 0, -12]);
    const signed = { ...asked.selected, advantages: Float32Array.of(-1, 0, 0, -5) };
    const own = armOf({ ...component, measure: "cvar-policy-gradient" });
    const others = lossArrays(own, { ...asked, selected: signed }, 0.1, generator(1));
    expect([...others.advantages!]).toEqual([-2 - 3, 2, 0, -15]);
  });
});
