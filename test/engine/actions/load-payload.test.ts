import { describe, expect, test } from "vitest";
import { judgeSchema } from "../../../src/config/schema/scorer.js";
import { planTrials } from "../../../src/config/trials.js";
import { loadPayloadFor } from "../../../src/engine/actions/load-payload.js";
import { loadPayload as schema } from "../../../src/protocol/load.js";
import { smallExperiment } from "../experiments.js";

describe("what a worker loads", () => {
  const experiment = smallExperiment({
    arms: { sft: {}, rlhf: { training: { learning_rate: 0.5 } }, other: {} },
  });
  const [sft, rlhf, other] = planTrials(experiment);

  test("is a message of the protocol, to the last key", () => {
    for (const trial of planTrials(experiment)) {
      const payload = loadPayloadFor(experiment, trial, null, null);
      expect(schema.parse(payload)).toEqual(payload);
    }
  });

  test("starts RL from the SFT folder, with the policy as loaded for reference", () => {
    const payload = loadPayloadFor(experiment, rlhf!, "/run/trials/sft-s0/model", null);
    expect(payload.policy.model).toBe("/run/trials/sft-s0/model");
    expect(payload.reference).toBeNull();
    expect(loadPayloadFor(experiment, sft!, null, null).policy.model).toBe("builtin");
  });

  test("takes the arm's sections, and a seed that is the same for all arms", () => {
    const payload = loadPayloadFor(experiment, rlhf!, null, null);
    expect(payload.training.learning_rate).toBe(0.5);
    const beside = loadPayloadFor(experiment, other!, null, null);
    expect(beside.training.learning_rate).not.toBe(0.5);
    expect(beside.seed).toBe(payload.seed);
  });

  test("trusts code and names revisions model by model", () => {
    const commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e";
    const hub = { model: "owner/name", revision: commit, trust_remote_code: true };
    const plain = smallExperiment();
    const of = (experiment: typeof plain, from: string | null) =>
      loadPayloadFor(experiment, planTrials(experiment).at(-1)!, from, null);
    const policy = of({ ...plain, policy: { ...plain.policy, ...hub } }, null);
    expect(policy.policy).toMatchObject(hub);
    expect(policy.rewards[0]!.scorer).not.toHaveProperty("trust_remote_code");
    const arms = Object.fromEntries(
      Object.entries(plain.arms).map(([name, arm]) => [
        name,
        { ...arm, reward: { ...arm.reward, ...hub } },
      ]),
    );
    const judges = [judgeSchema.parse({ model: "owner/judge" })];
    const judged = { ...plain.evaluation, judges };
    const reward = of({ ...plain, arms, evaluation: judged }, null);
    expect(reward.policy).toMatchObject({ revision: null, trust_remote_code: false });
    expect(reward.rewards[0]!.scorer).toMatchObject(hub);
    expect(reward.judges[0]!.scorer).toMatchObject({ revision: null, trust_remote_code: false });
    // A model of this run is a folder.
    const started = of({ ...plain, policy: { ...plain.policy, ...hub } }, "/run/model");
    expect(started.policy.revision).toBeNull();
  });

  test("takes the slot's device over the configured one", () => {
    expect(loadPayloadFor(experiment, rlhf!, null, "cuda:1").backend.device).toBe("cuda:1");
    expect(loadPayloadFor(experiment, rlhf!, null, null).backend.device).toBe("cpu");
  });
});

test("fine-tuning may have an adapter of its own; RL trials have the policy's", () => {
  const experiment = smallExperiment({
    policy: { lora_rank: 4, lora_dropout: 0.1, lora_targets: ["c_attn"] },
    sft: { lora_rank: 16, lora_alpha: 8 },
  });
  const trials = planTrials(experiment);
  const adapters = trials
    .slice(0, 2)
    .map((trial) => loadPayloadFor(experiment, trial, null, null).policy.adapter);
  const shared = { kind: "lora", dropout: 0.1, targets: ["c_attn"] };
  expect(adapters).toEqual([
    { ...shared, rank: 16, alpha: 8 },
    { ...shared, rank: 4, alpha: 8 },
  ]);
});

test("a rank of 0 for fine-tuning alone trains all weights", () => {
  const experiment = smallExperiment({ policy: { lora_rank: 4 }, sft: { lora_rank: 0 } });
  const [sft, rl] = planTrials(experiment);
  expect(loadPayloadFor(experiment, sft!, null, null).policy.adapter).toBeNull();
  expect(loadPayloadFor(experiment, rl!, null, null).policy.adapter).toMatchObject({ rank: 4 });
});

test("an arm that decodes in its own way has no critic, and no baseline of one", () => {
  const experiment = smallExperiment({
    training: { prefix_baseline: true },
    arms: { sft: {}, rlhf: {}, "best-of-n": { decoding: { best_of: 4 } } },
  });
  const trainings = Object.fromEntries(
    planTrials(experiment).map((trial) => {
      const { critic, prefix_baseline } = loadPayloadFor(experiment, trial, null, null).training;
      return [trial.arm, { critic, prefix_baseline }];
    }),
  );
  expect(trainings.rlhf).toEqual({ critic: true, prefix_baseline: true });
  expect(trainings["best-of-n"]).toEqual({ critic: false, prefix_baseline: false });
});
