import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floorFraction } from "../../../src/engine/actions/reward-preview.js";
import type { WorkerReadyEvent } from "../../../src/journal/events.js";
import { float32Array, float32Bytes } from "../../../src/protocol/arrays.js";
import type { Result } from "../../../src/protocol/messages.js";
import { smallExperiment } from "../experiments.js";
import { Harness, type Trick } from "../run-harness.js";

async function previews(trick?: Trick, changes = {}) {
  const harness = new Harness(smallExperiment({ parallel: 1, ...changes }), trick);
  expect(await harness.run()).toMatchObject({ outcome: "done" });
  const ready = harness.events.filter(
    (event): event is WorkerReadyEvent => event.type === "worker_ready",
  );
  const warnings = harness.events.flatMap((event) =>
    event.type === "warning" ? [event.message] : [],
  );
  return { previews: ready.map(({ reward_preview }) => reward_preview), warnings };
}

describe("how the reward scores some prompts", () => {
  test("is told once in a run, by the first load, with the fraction under the threshold", async () => {
    const { previews: told } = await previews();
    expect(told.length).toBeGreaterThan(1);
    const [first, ...others] = told;
    expect(others.every((one) => one === null)).toBe(true);
    expect(first).toMatchObject({ texts: 64, component: null, threshold: -2, floors: [] });
    const scores = first!.quantiles.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    expect(first!.under! > 0).toBe(scores[0]! < -2);
  });

  test("without a threshold has no fraction under it", async () => {
    const { previews: told } = await previews(undefined, {
      reward: { model: "some/model" },
      evaluation: { harm_threshold: null },
    });
    expect(told[0]).toMatchObject({ threshold: null, under: null });
  });

  test("warns where the prompts alone fill the tail", async () => {
    const floored: Trick = ({ command, pass }) =>
      command !== "score_prompts"
        ? null
        : pass().then((answer) => {
            const found = answer as Result<"score_prompts">;
            const scores = float32Array(found.combined).map((score, at) =>
              at % 3 === 0 ? -5 : Math.max(score, -4),
            );
            const components = [{ name: "reward", scores: float32Bytes(scores) }];
            return { ...found, combined: float32Bytes(scores), components };
          });
    const { previews: told, warnings } = await previews(floored);
    expect(told[0]!.floors).toEqual([{ component: "reward", fraction: 20 / 64 }]);
    expect(warnings.join()).toMatch(
      /31.* of the test prompts alone have the lowest score of reward/,
    );
    const own = await previews(floored, { reward: { text: "completion" } });
    expect(own.previews[0]!.floors).toEqual([]);
  });
});

test("a floor is where scores lie at the lowest, and none where all are one", () => {
  expect(floorFraction(Float32Array.of(-5, -5, -5, 0, 1, 2, 3, 4))).toBe(3 / 8);
  expect(floorFraction(Float32Array.of(2, 2, 2))).toBe(0);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 50 }), (values) => {
      const scores = Float32Array.from(values);
      const fraction = floorFraction(scores);
      expect(fraction).toBeGreaterThanOrEqual(0);
      expect(fraction).toBeLessThan(1);
    }),
  );
});
