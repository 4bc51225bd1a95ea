import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differingLeaf, judgeHistories, judgeResults } from "../../src/analysis/reproduction.js";
import { runHistory } from "../../src/analysis/run-history.js";
import type { EventPayload } from "../../src/journal/events.js";
import {
  interleaved,
  journal,
  type Told,
  trialPayloads,
  trials,
  withLosses,
} from "../engine/journals.js";

const historyOf = (told: readonly Told[]) => runHistory(trials, journal(told));
const inOrder: Told[] = trials.flatMap((trial) =>
  trialPayloads(trial).map((eventPayload): Told => [trial, eventPayload]),
);

/** The same run with one event changed. */
function changed(
  of: readonly Told[],
  which: (eventPayload: EventPayload) => boolean,
  change: object,
  trial = "rlhf-s0",
): Told[] {
  return of.map(
    ([own, eventPayload]): Told =>
      own === trial && which(eventPayload)
        ? [own, { ...eventPayload, ...change } as EventPayload]
        : [own, eventPayload],
  );
}

describe("the verdict on two journals", () => {
  test("is bitwise however trials were interleaved and whatever was done again", async () => {
    const whole = await historyOf(inOrder);
    const again = fc
      .tuple(...trials.map(withLosses))
      .chain((queues) =>
        interleaved(new Map(trials.map((trial, index) => [trial, queues[index]!]))),
      );
    await fc.assert(
      fc.asyncProperty(again, async (told) => {
        expect(judgeHistories(whole, await historyOf(told))).toEqual({
          verdict: "bitwise",
          first_difference: null,
          test: null,
        });
      }),
    );
  });

  test("takes no notice of times, memory, GPU and paths", async () => {
    const other = changed(inOrder, ({ type }) => type === "step", {
      seconds: { total: 99 },
      episodes_per_s: 7,
      memory_bytes: 123,
      gpu: { load: 0.5, memory_used_bytes: 1, memory_total_bytes: 2 },
    });
    const moved = changed(other, ({ type }) => type === "evaluated", { samples: "elsewhere" });
    const { verdict } = judgeHistories(await historyOf(inOrder), await historyOf(moved));
    expect(verdict).toBe("bitwise");
  });

  test("takes no notice of where SFT came from, but of what it was", async () => {
    const sft = ({ type }: EventPayload) => type === "sft_finished";
    const artifact = { digest: "a".repeat(64), reused: true };
    const reused = changed(inOrder, sft, { artifact }, "sft-s0");
    expect(reused).not.toEqual(inOrder);
    const was = await historyOf(reused);
    expect(judgeHistories(was, await historyOf(inOrder)).verdict).toBe("bitwise");
    const other = changed(inOrder, sft, { loss_last: 99 }, "sft-s0");
    expect(judgeHistories(was, await historyOf(other)).first_difference).toMatchObject({
      event: "sft",
      field: "loss_last",
    });
  });

  test("names the first figure that was changed, and no other", async () => {
    const steps = inOrder.flatMap(([trial, eventPayload], index) =>
      eventPayload.type === "step" ? [{ trial, eventPayload, index }] : [],
    );
    const whole = await historyOf(inOrder);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...steps),
        fc.constantFrom("loss_policy", "beta", "kept", "entropy"),
        async ({ trial, eventPayload, index }, field) => {
          const told = inOrder.map(
            (one, at): Told =>
              at < index || one[1].type !== "step" || one[0] !== trial
                ? one
                : [one[0], { ...one[1], [field]: 42 }],
          );
          expect(judgeHistories(whole, await historyOf(told)).first_difference).toEqual({
            in: "journal",
            trial,
            step: eventPayload.step,
            event: "step",
            field,
            was: eventPayload[field as "beta"],
            is: 42,
          });
        },
      ),
    );
  });

  test("is diverged where rewards differ by more than chance", async () => {
    const better = changed(inOrder, (one) => one.type === "evaluated" && one.final, {}).map(
      ([trial, one]): Told =>
        trial === "rlhf-s0" && one.type === "evaluated" && one.final
          ? [
              trial,
              { ...one, arrays: { ...one.arrays, reward: one.arrays.reward.map((r) => r! + 1) } },
            ]
          : [trial, one],
    );
    const found = judgeHistories(await historyOf(inOrder), await historyOf(better));
    expect(found.verdict).toBe("diverged");
    expect(found.first_difference).toMatchObject({
      trial: "rlhf-s0",
      event: "final evaluation",
      field: "arrays.reward.0",
    });
    const [sft, rlhf, averse] = found.test!.trials;
    expect(found.test!.level).toBeCloseTo(0.05 / 3, 12);
    expect(rlhf).toMatchObject({ trial: "rlhf-s0", n: 12, equal: false });
    expect(rlhf!.difference).toBeCloseTo(1, 9);
    expect(sft).toMatchObject({ difference: 0, p: 1, equal: true });
    expect(averse!.equal).toBe(true);
  });

  test("is statistically equal where figures differ and rewards only by noise", async () => {
    const noisy = inOrder.map(
      ([trial, one]): Told =>
        one.type === "evaluated" && one.final
          ? [
              trial,
              {
                ...one,
                arrays: {
                  ...one.arrays,
                  reward: one.arrays.reward.map((r, i) => r! + (i % 2 === 0 ? 0.01 : -0.01)),
                },
              },
            ]
          : [trial, one],
    );
    const found = judgeHistories(await historyOf(inOrder), await historyOf(noisy));
    expect(found.verdict).toBe("statistically-equal");
    expect(found.first_difference).not.toBeNull();
    expect(found.test!.trials.every(({ equal }) => equal)).toBe(true);
  });

  test("pairs only prompts that have a reward in both", async () => {
    const failed = inOrder.map(
      ([trial, one]): Told =>
        one.type === "evaluated" && one.final
          ? [trial, { ...one, arrays: { ...one.arrays, reward: one.arrays.reward.with(3, null) } }]
          : [trial, one],
    );
    const found = judgeHistories(await historyOf(inOrder), await historyOf(failed));
    expect(found.test!.trials.map(({ n }) => n)).toEqual([11, 11, 11]);
  });

  test.each([
    ["a step", ({ type }: EventPayload) => type === "step", "step", 0],
    ["the model", ({ type }: EventPayload) => type === "model_exported", "model", null],
    [
      "the final evaluation",
      (one: EventPayload) => one.type === "evaluated" && one.final,
      "final evaluation",
      null,
    ],
  ] as const)("is diverged where %s is missing", async (_, which, event, step) => {
    const less = inOrder.filter(([trial, one]) => trial !== "rlhf-s0" || !which(one));
    for (const [was, is] of [
      [inOrder, less],
      [less, inOrder],
    ] as const) {
      const found = judgeHistories(await historyOf(was), await historyOf(is));
      expect(found.first_difference).toMatchObject({ trial: "rlhf-s0", event, step, field: "" });
      expect([found.first_difference!.was, found.first_difference!.is].sort()).toEqual(
        ["there", null].sort(),
      );
      if (event === "final evaluation")
        expect(found).toMatchObject({ verdict: "diverged", test: null });
    }
  });

  test("of large batches compares digests, not file names", async () => {
    const withFile = (file: string, sha256: string) =>
      changed(inOrder, ({ type }) => type === "step", { episodes: { file, sha256, count: 9 } });
    const was = await historyOf(withFile("a.bin", "1"));
    expect(judgeHistories(was, await historyOf(withFile("b.bin", "1"))).verdict).toBe("bitwise");
    expect(
      judgeHistories(was, await historyOf(withFile("a.bin", "2"))).first_difference,
    ).toMatchObject({ field: "episodes.sha256", was: "1", is: "2" });
  });
});

describe("the verdict on two manifests", () => {
  const results = { a: { metrics: { reward_mean: 1 }, model: { "m.safetensors": "x" } } };

  test("is bitwise or diverged, in metrics or model", () => {
    expect(judgeResults(["a"], results, structuredClone(results)).verdict).toBe("bitwise");
    const metrics = { a: { ...results.a, metrics: { reward_mean: 2 } } };
    expect(judgeResults(["a"], results, metrics)).toEqual({
      verdict: "diverged",
      test: null,
      first_difference: {
        in: "manifest",
        trial: "a",
        step: null,
        event: "final evaluation",
        field: "reward_mean",
        was: 1,
        is: 2,
      },
    });
    const model = { a: { ...results.a, model: { "m.safetensors": "y" } } };
    expect(judgeResults(["a"], results, model).first_difference).toMatchObject({
      event: "model",
      field: "m.safetensors",
    });
    expect(judgeResults(["a"], results, {}).verdict).toBe("diverged");
  });
});

describe("a differing leaf", () => {
  test("is found wherever it is, and only when there is one", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(differingLeaf(value, structuredClone(value))).toBeNull();
        expect(differingLeaf({ a: [value, 1] }, { a: [structuredClone(value), 2] })).toEqual({
          field: "a.1",
          was: 1,
          is: 2,
        });
      }),
    );
  });

  test("is a length, a missing key or another kind of value, too", () => {
    expect(differingLeaf([1], [1, 2])).toEqual({ field: "1", was: null, is: 2 });
    expect(differingLeaf({ a: 1 }, {})).toEqual({ field: "a", was: 1, is: null });
    expect(differingLeaf({ a: [] }, { a: {} })).toEqual({ field: "a", was: [], is: {} });
    expect(differingLeaf(null, { a: 1 })).toEqual({ field: "", was: null, is: { a: 1 } });
  });
});
