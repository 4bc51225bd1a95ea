import { expect, test } from "vitest";
import { algorithmNames, hasCritic, learningTerms } from "../../src/risk/algorithms.js";

const arm = (algorithm: (typeof algorithmNames)[number]) => ({
  training: { algorithm, completions: 4, batch: 32, loss_aggregation: null },
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
