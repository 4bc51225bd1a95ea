import { describe, expect, test } from "vitest";
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

  test("takes the slot's device over the configured one", () => {
    expect(loadPayloadFor(experiment, rlhf!, null, "cuda:1").backend.device).toBe("cuda:1");
    expect(loadPayloadFor(experiment, rlhf!, null, null).backend.device).toBe("cpu");
  });
});
