/** The texts of each step's worst episodes: which they are, and that nothing hangs on them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { selectEpisodes } from "../../../src/engine/actions/select-episodes.js";
import { worstEpisodes } from "../../../src/engine/actions/tail-texts.js";
import type { StepEvent } from "../../../src/journal/events.js";
import { uint32Array } from "../../../src/protocol/arrays.js";
import type { Payload, ScoreFailure } from "../../../src/protocol/messages.js";
import { RecordError } from "../../../src/system/record-error.js";
import { WorkerFailure } from "../../../src/worker/contract.js";
import { simulatedWorker } from "../../worker/simulated/worker.js";
import { smallExperiment } from "../experiments.js";
import { MemoryRecorder } from "../memory-recorder.js";
import { figuresOf, Harness, type Trick } from "../run-harness.js";
import { batchOf, positionAt } from "./batches.js";

type Arrays = Extract<StepEvent["episodes"], { weight: number[] }>;

const trial = "ra-rlhf-s0";
const lone = (tail_texts = 3, changes: Parameters<typeof smallExperiment>[0] = {}) =>
  smallExperiment({
    arms: { "ra-rlhf": {} },
    sft: { steps: 0 },
    evaluation: { every: 0 },
    parallel: 1,
    record: { tail_texts },
    ...changes,
  });

describe("worst episodes", () => {
  const batch = batchOf([3, 1, 2, 0], {
    lambdaReturns: Float32Array.of(0, 1, 2, 3),
    rewards: Float32Array.of(1, 0, 3, 2),
    promptScores: Float32Array.of(2, 3, 0, 1),
  });
  const worst = (measure: string, statistic: string, count = 3, failed = new Set<number>()) => [
    ...worstEpisodes(riskSchema.parse({ measure, statistic }), batch, failed, count),
  ];

  test.each([
    ["cvar", "return", [3, 1, 2]],
    ["cvar", "lambda-return", [0, 1, 2]],
    ["cvar-gradient", "reward", [1, 0, 3]],
    ["mean-cvar", "prompt-score", [2, 3, 0]],
    ["mean", "prompt-score", [3, 1, 2]],
    ["entropic", "reward", [3, 1, 2]],
    ["random-drop", "lambda-return", [3, 1, 2]],
  ])("%s with %s", (measure, statistic, expected) => {
    expect(worst(measure, statistic)).toEqual(expected);
  });

  test("none, fewer and more than there are", () => {
    expect(worst("mean", "return", 0)).toEqual([]);
    expect(worst("mean", "return", 1)).toEqual([3]);
    expect(worst("mean", "return", 99)).toEqual([3, 1, 2, 0]);
  });

  test("with several completions are whole prompts, the one with the worst first", () => {
    const risk = riskSchema.parse({ measure: "mean" });
    const found = (count: number, completions: number, failed = new Set<number>()) => [
      ...worstEpisodes(risk, batch, failed, count, completions),
    ];
    // Returns 3, 1 | 2, 0: the second prompt has the worst completion.
    expect(found(1, 2)).toEqual([2, 3]);
    expect(found(3, 2)).toEqual([2, 3, 0, 1]);
    expect(found(0, 2)).toEqual([]);
    // A completion without a reward is shown with the others of its prompt.
    expect(found(2, 2, new Set([3]))).toEqual([0, 1]);
    expect(found(4, 4)).toEqual([0, 1, 2, 3]);
  });

  test("are those that cvar keeps, ties and failed rewards in", () => {
    const value = fc.integer({ min: -2, max: 2 });
    const episodes = fc.array(fc.tuple(value, fc.boolean()), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(episodes, (drawn) => {
        const failed = new Set(drawn.flatMap(([, fails], i) => (fails ? [i] : [])));
        fc.pre(failed.size < drawn.length);
        const returns = Float32Array.from(drawn, ([one, fails]) => (fails ? Number.NaN : one));
        const all = batchOf(returns);
        const risk = riskSchema.parse({ alpha: 0.3, annealing: "constant" });
        const { weights, kept } = selectEpisodes(risk, all, positionAt(risk, 0, 5), failed);
        const found = [...worstEpisodes(risk, all, failed, kept)];
        expect(found.toSorted((a, b) => a - b)).toEqual(
          [...weights.keys()].filter((episode) => weights[episode]! > 0),
        );
        expect(found.map((episode) => returns[episode])).toEqual(
          found.map((episode) => returns[episode]!).toSorted((a, b) => a - b),
        );
      }),
    );
  });
});

describe("a run", () => {
  test("keeps the texts of each step's lowest returns, asked for after the update", async () => {
    const calls: string[] = [];
    const harness = new Harness(lone(), ({ command }) => {
      calls.push(command);
      return null;
    });
    await harness.run();
    const steps = harness.steps(trial);
    expect(steps).toHaveLength(6);
    for (const { step, episodes } of steps) {
      const { prompt, return: returns } = episodes as Arrays;
      const order = [...returns.keys()].sort((a, b) => returns[a]! - returns[b]!);
      const texts = harness.recorder.texts.get(`${trial} ${step}`)!;
      expect(texts.map(({ episode }) => episode)).toEqual(order.slice(0, 3));
      expect(texts.map((text) => text.prompt)).toEqual(
        order.slice(0, 3).map((episode) => `simulated prompt ${prompt[episode]}`),
      );
    }
    const looped = calls.filter((name) => ["rollout", "update", "texts"].includes(name));
    expect(looped).toEqual(Array(6).fill(["rollout", "update", "texts"]).flat());
    expect(JSON.stringify(harness.events)).not.toContain("simulated completion");
  });

  test("has the same figures with none, some and all of the texts", async () => {
    const figures = await Promise.all(
      [0, 8, 1000].map(async (count) => {
        const experiment = lone(count, {
          arms: { rlhf: { risk: { measure: "mean" } }, "ra-rlhf": {} },
        });
        const harness = new Harness(experiment);
        expect((await harness.run()).outcome).toBe("done");
        expect(harness.recorder.texts.get(`${trial} 5`)?.length ?? 0).toBe(Math.min(count, 16));
        return [...figuresOf(harness.events, "rlhf-s0"), ...figuresOf(harness.events, trial)];
      }),
    );
    expect(figures[1]).toEqual(figures[0]);
    expect(figures[2]).toEqual(figures[0]);
  });

  test("does not ask for texts of which none are to be kept", async () => {
    const called = new Set<string>();
    const harness = new Harness(lone(0), ({ command }) => {
      called.add(command);
      return null;
    });
    await harness.run();
    expect(called).not.toContain("texts");
  });

  test("keeps none of an episode without a reward", async () => {
    const failing = new Map<number, ScoreFailure["kind"]>(
      Array.from({ length: 100 }, (_, i) => [5 * i, "timeout"]),
    );
    const arms = { "ra-rlhf": { reward: { max_failed_fraction: 0.9 } } };
    const open = async () => simulatedWorker({ failing });
    const harness = new Harness(lone(1000, { arms }), undefined, undefined, open);
    await harness.run();
    for (const { step, failed } of harness.steps(trial)) {
      const texts = harness.recorder.texts.get(`${trial} ${step}`)!;
      expect(texts).toHaveLength(16 - failed);
      expect(texts.filter(({ prompt }) => /[05]$/.test(prompt))).toEqual([]);
    }
  });
});

const warnings = (harness: Harness) =>
  harness.events.filter((event) => event.type === "warning").map(({ message }) => message);

async function undisturbed(): Promise<object[]> {
  const harness = new Harness(lone());
  await harness.run();
  return figuresOf(harness.events, trial);
}

describe("where texts cannot be had", () => {
  test.each(["internal", "memory", "input"] as const)(
    "a worker's failure of kind %s is told once, and the run goes on without them",
    async (kind) => {
      let asked = 0;
      const trick: Trick = ({ command, nth }) => {
        if (command !== "texts") return null;
        asked += 1;
        if (nth < 2) return null;
        return Promise.reject(new WorkerFailure("texts", kind, "no words", null, null));
      };
      const harness = new Harness(lone(), trick);
      expect((await harness.run()).outcome).toBe("done");
      expect(warnings(harness)).toEqual([
        "the texts of the worst episodes are not saved from iteration 3 on: no words",
      ]);
      expect(asked).toBe(3);
      expect([...harness.recorder.texts.keys()]).toEqual([`${trial} 0`, `${trial} 1`]);
      expect(figuresOf(harness.events, trial)).toEqual(await undisturbed());
    },
  );

  test("a disk that does not take them costs the run nothing else", async () => {
    class Full extends MemoryRecorder {
      override writeTexts(): void {
        throw new RecordError("space", "cannot write texts: ENOSPC");
      }
    }
    const harness = new Harness(lone(), undefined, undefined, null, new Full());
    expect((await harness.run()).outcome).toBe("done");
    expect(warnings(harness)).toEqual([expect.stringContaining("ENOSPC")]);
    expect(figuresOf(harness.events, trial)).toEqual(await undisturbed());
  });

  test("an interrupt that comes just then takes no step away", async () => {
    const harness = new Harness(lone(), ({ command, nth }) =>
      command === "texts" && nth === 1
        ? Promise.reject(new WorkerFailure("texts", "interrupted", "on request", null, null))
        : null,
    );
    expect((await harness.run()).outcome).toBe("done");
    expect(warnings(harness)).toEqual([]);
    expect([...harness.recorder.texts.keys()]).toEqual([0, 2, 3, 4, 5].map((m) => `${trial} ${m}`));
    expect(figuresOf(harness.events, trial)).toEqual(await undisturbed());
  });

  test("a worker that answers other episodes is replaced, and the steps done again", async () => {
    const asked: number[][] = [];
    const harness = new Harness(lone(3, { checkpoint: { every: 2 } }), ({ command, payload }) => {
      if (command !== "texts") return null;
      asked.push([...uint32Array((payload as Payload<"texts">).episodes)]);
      if (asked.length !== 4) return null;
      return Promise.reject(
        new WorkerFailure("texts", "protocol", "not what was asked", null, null),
      );
    });
    expect((await harness.run()).outcome).toBe("done");
    expect(harness.types(trial)).toContain("worker_lost");
    // Step 3 was the fourth; steps 2 and 3 are done again from the checkpoint at 2.
    expect(asked[4]).toEqual(asked[2]);
    expect(asked[5]).toEqual(asked[3]);
    expect(harness.recorder.texts.size).toBe(6);
  });

  test("any other error is a fault, and not passed over", async () => {
    class Broken extends MemoryRecorder {
      override writeTexts(): void {
        throw new TypeError("a bug");
      }
    }
    const harness = new Harness(lone(), undefined, undefined, null, new Broken());
    expect(await harness.run()).toMatchObject({ outcome: "failed", message: "a bug" });
  });
});
