import { describe, expect, test } from "vitest";
import {
  blanked,
  failedEpisodes,
  failedRewards,
  readEpisodes,
  scoredEpisodes,
  taken,
} from "../../src/engine/episodes.js";
import { TrialError } from "../../src/engine/failure.js";
import { float32Bytes, uint32Bytes } from "../../src/protocol/arrays.js";
import type { ScoreFailure } from "../../src/protocol/messages.js";

const failure = (
  episodes: number[],
  kind: ScoreFailure["kind"] = "exception",
  message = "KeyError: x",
): ScoreFailure => ({ kind, message, episodes: uint32Bytes(episodes) });

const limit = (failures: ScoreFailure[], maxFraction: number, name: string | null = null) => ({
  name,
  key: name === null ? "reward.max_failed_fraction" : `reward.${name}.max_failed_fraction`,
  maxFraction,
  failures,
});

const prompts = (count: number) => Uint32Array.from({ length: count }, (_, i) => 100 + i);

function refusal(failures: ScoreFailure[], count: number, share: number): TrialError {
  try {
    failedRewards("rewards of step 3", [limit(failures, share)], prompts(count));
  } catch (error) {
    expect(error).toBeInstanceOf(TrialError);
    return error as TrialError;
  }
  return expect.unreachable("this should have been refused");
}

test("failed episodes, the others, and their values", () => {
  const failed = failedEpisodes([failure([3, 0]), failure([1], "timeout")]);
  expect([...failed].sort()).toEqual([0, 1, 3]);
  const scored = scoredEpisodes(6, failed);
  expect([...scored]).toEqual([2, 4, 5]);
  expect([...taken([9, 8, 7, 6, 5, 4], scored)]).toEqual([7, 5, 4]);
  expect([...blanked(Float32Array.of(0, 1, 2, 3), failed)]).toEqual([NaN, NaN, 2, NaN]);
});

test("trained rewards by component, and their sum, without the episodes that failed", () => {
  const failed = new Set([1]);
  const none = float32Bytes([1, 0, 2], failed);
  const scored = (name: string) => ({ name, scores: none, failures: [] });
  const rolled = {
    rollout: 1,
    reward: none,
    components: [scored("sentiment"), scored("harmless")],
    trained: [float32Bytes([1, 0, -2], failed), float32Bytes([0.25, 5, 3])],
    kl: float32Bytes([0, 0, 0]),
    return: none,
    lambda_return: null,
    length: uint32Bytes([1, 1, 1]),
    entropy: null,
    tokens: 3,
    seconds: { sample: 0, reference: 0, reward: 0 },
  };
  const { trained, trainedByComponent } = readEpisodes(rolled, prompts(3), failed);
  expect([...trained]).toEqual([1.25, Number.NaN, 1]);
  expect(Object.keys(trainedByComponent)).toEqual(["sentiment", "harmless"]);
  expect([...trainedByComponent.harmless!]).toEqual([0.25, Number.NaN, 3]);
});

describe("failed rewards", () => {
  test("none is nothing to tell", () => {
    expect(failedRewards("rewards of step 3", [limit([], 0)], prompts(1))).toBeNull();
  });

  test("within the fraction are told, with the reason and where", () => {
    const told = failedRewards("rewards of step 3", [limit([failure([2, 7])], 0.1)], prompts(20));
    expect(told).toBe(
      "2 of 20 rewards of step 3 failed and are left out: " +
        "exception: KeyError: x (episode 2, prompt 102 and 1 more)",
    );
  });

  test("above the fraction stop the trial, resumable, and say why", () => {
    const failures = [
      failure([0]),
      failure([1, 2], "timeout", "late"),
      failure([3], "not-finite", "the score is nan"),
      failure([4], "exception", "ValueError: y"),
    ];
    const error = refusal(failures, 20, 0.2);
    expect(error.kind).toBe("reward");
    expect(error.key).toBe("reward.max_failed_fraction");
    expect(error.message).toMatch(/^5 of 20 rewards of step 3 failed, more than/);
    expect(error.message).toContain("timeout: late (episode 1, prompt 101 and 1 more)");
    expect(error.message).toContain("; and 1 more.");
    expect(error.message).not.toContain("ValueError");
    expect(error.detail?.split("\n").length).toBe(4);
    expect(error.detail).toContain("ValueError: y");
  });

  test("of exactly the fraction go on", () => {
    expect(failedRewards("rewards", [limit([failure([1])], 0.05)], prompts(20))).not.toBeNull();
    expect(refusal([failure([1])], 19, 0.05).kind).toBe("reward");
  });

  test("are held against each component's own fraction, and told by its name", () => {
    const limits = [limit([failure([0, 1, 2])], 0.5, "kind"), limit([failure([3])], 0.1, "http")];
    const told = failedRewards("rewards", limits, prompts(10));
    expect(told).toContain("4 of 10 rewards failed and are left out: exception: kind: KeyError");
    expect(told).toContain("http: KeyError: x (episode 3, prompt 103)");
    const strict = [limits[0]!, limit([failure([3, 4])], 0.1, "http")];
    expect(() => failedRewards("rewards", strict, prompts(10))).toThrow(
      /^5 of 10 rewards failed, 2 of http, more than reward\.http\.max_failed_fraction 0\.1 allows/,
    );
  });

  test("leave at least two episodes, whatever the fraction", () => {
    expect(refusal([failure([0, 1, 2])], 4, 1).message).toContain("fewer than 2 are left");
    expect(refusal([failure([0, 1])], 2, 1).kind).toBe("reward");
    expect(failedRewards("rewards", [limit([failure([0, 1])], 1)], prompts(4))).not.toBeNull();
  });
});
