import { expect, test } from "vitest";
import { algorithmNames, hasCritic, learningTerms } from "../../src/risk/algorithms.js";

const arm = (algorithm: (typeof algorithmNames)[number]) => ({
  training: {
    algorithm,
    completions: 4,
    batch: 32,
    minibatch: 5,
    steps: "proportional" as const,
    loss_aggregation: null,
  },
  kl: { form: null },
});

test("only ppo has a critic", () => {
  expect(algorithmNames.filter(hasCritic)).toEqual(["ppo"]);
});

test("an algorithm decides where the KL stands and how tokens are aggregated", () => {
  const terms = algorithmNames.map((name) => {
    const { algorithm, klForm, lossAggregation, prompts } = learningTerms(arm(name));
    return [algorithm, klForm, lossAggregation, prompts];
  });
  expect(terms).toEqual([
    ["ppo", "return", "token-mean", 8],
    ["rloo", "return", "seq-mean-token-sum", 8],
    ["grpo", "loss", "token-mean", 8],
    ["reinforce", "return", "seq-mean-token-sum", 8],
    ["raft", "return", "token-mean", 8],
    ["quark", "loss", "token-mean", 8],
  ]);
});

test("what is set counts", () => {
  const { training } = arm("grpo");
  const set = { training: { ...training, loss_aggregation: "seq-mean-token-mean" as const } };
  expect(learningTerms({ ...set, kl: { form: "return" } })).toMatchObject({
    klForm: "return",
    lossAggregation: "seq-mean-token-mean",
  });
});

test("gradient steps follow what is kept, or are those of the whole batch", () => {
  const { training, kl } = arm("ppo");
  expect(learningTerms({ training, kl }).stepsPerEpoch).toBeNull();
  // 32 episodes in minibatches of 5.
  expect(learningTerms({ training: { ...training, steps: "fixed" }, kl }).stepsPerEpoch).toBe(7);
  const small = { ...training, steps: "fixed" as const, minibatch: 64 };
  expect(learningTerms({ training: small, kl }).stepsPerEpoch).toBe(1);
});
