import { describe, expect, test } from "vitest";
import type { JournalEntry } from "../../../../src/journal/event-head.js";
import { emptyRun, type LossCurve } from "../../../../src/run-model/run-model.js";
import { takeEntries, takeProgress } from "../../../../src/run-model/take-entries.js";
import { LossPanel } from "../../../../src/tui/dashboard/panels/loss-panel.js";
import { PhaseLine } from "../../../../src/tui/dashboard/phase-line.js";
import { drawn, rich } from "../../drawn.js";

const sft = { kind: "progress", trial: "sft-s0", phase: "sft", total: 60, unit: "steps" } as const;

function heard(steps: readonly (readonly [done: number, loss: number | null])[]) {
  return steps.reduce(
    (model, [done, loss]) => takeProgress(model, { ...sft, done, loss }, 100 + done),
    emptyRun([{ id: "sft-s0", arm: "sft", seed: 0, stage: "sft", iterations: 0 }]),
  );
}

const curveOf = (model: ReturnType<typeof heard>): LossCurve | null => model.trials[0]!.loss;
const points = (model: ReturnType<typeof heard>) =>
  curveOf(model)!.points.map(({ step, loss }) => [step, loss]);

describe("the loss of a training before RL", () => {
  test("is heard step by step, and begins anew where the training does", () => {
    expect(curveOf(heard([[0, null]]))).toBeNull();
    const model = heard([
      [0, null],
      [1, 4.1],
      [7, 3.9],
      [20, 3.7],
    ]);
    expect(curveOf(model)!.name).toBe("SFT");
    expect(points(model)).toEqual([
      [1, 4.1],
      [7, 3.9],
      [20, 3.7],
    ]);
    expect(points(takeProgress(model, { ...sft, done: 3, loss: 4 }, 200))).toEqual([
      [1, 4.1],
      [3, 4],
    ]);
  });

  test("keeps few points of many, the newest among them", () => {
    const long = heard(Array.from({ length: 3000 }, (_, at) => [at + 1, 3] as const));
    expect(points(long).length).toBeLessThanOrEqual(1001);
    expect(points(long).at(-1)![0]).toBe(3000);
  });

  test("is the journal's once it is done", () => {
    const head = {
      ...{ seq: 3, time: "2026-11-23T10:10:10.000Z", trial: "sft-s0" },
      type: "sft_finished" as const,
      artifact: null,
      ...{ steps: 2, kept_step: 2, loss_first: 4, loss_last: 3, seconds: 9 },
      curve: [{ step: 2, loss: 3, held_out: 3.2, learning_rate: 1e-4 }],
    } satisfies JournalEntry["head"];
    const model = takeEntries(heard([[1, 4]]), [{ head, offset: 0, length: 1 }]);
    expect(curveOf(model)!.points).toEqual(head.curve);
  });

  test("of a stage has the stage's name, as heard and as journaled", () => {
    const stamp = { seq: 3, time: "2026-11-23T10:10:10.000Z", trial: "sft-s0" };
    const about = { name: "toxicity", kind: "classifier" as const, digest: "ab" };
    const started = { ...stamp, ...about, type: "stage_started" as const, waits_for: null };
    const entry = (head: JournalEntry["head"]) => ({ head, offset: 0, length: 1 });
    const begun = takeEntries(heard([]), [entry(started)]);
    const model = takeProgress(begun, { ...sft, phase: "stage", done: 5, loss: 0.6 }, 100);
    expect(curveOf(model)).toEqual({
      name: "stage toxicity",
      points: [{ step: 5, loss: 0.6, held_out: null }],
    });
    const ready = {
      ...{ ...stamp, ...about, path: "a", files: {}, bytes: 1, reused: true, seconds: 4 },
      type: "stage_ready" as const,
      figures: { accuracy: 0.9 },
      curve: [{ step: 9, loss: 0.4, held_out: 0.5, learning_rate: 1e-4 }],
    };
    expect(curveOf(takeEntries(model, [entry(ready)]))).toEqual({
      name: "stage toxicity",
      points: ready.curve,
    });
    // Another run trains it: nothing is heard here.
    const waiting = { ...started, waits_for: "process 7" };
    expect(curveOf(takeEntries(heard([]), [entry(waiting)]))).toBeNull();
  });

  test("is drawn with the held-out loss beside it", () => {
    const loss = {
      name: "SFT",
      points: Array.from({ length: 12 }, (_, at) => ({
        step: 5 * (at + 1),
        loss: 4 - at / 10,
        held_out: at % 4 === 3 ? 4.1 - at / 12 : null,
      })),
    };
    const frame = drawn(
      <LossPanel loss={loss} width={60} height={9} />,
      { columns: 60, rows: 10 },
      rich,
    );
    expect(frame).toMatchInlineSnapshot(`
      "SFT loss 2.90  ⠒ ⠒ held out 3.18  step 60
      4.0┤⠉⠑⠒⠒⠤⠤⢄⣀⣀      ⣀⡀
         │         ⠉⠉⠑⠒⠒⠤⠤⢌⣀⣉⠑ ⠒⠢ ⠤⢄ ⣀⡀
      3.5┤                   ⠉⠉⠑⠒⠒⠤⠤⣀⣀⠈ ⠉⠑ ⠒⠢ ⠤⣀ ⣀
         │                            ⠉⠉⠒⠒⠤⠤⢄⣀⣀   ⠉ ⠉⠒ ⠢⠤ ⢄⣀ ⡀
         │                                     ⠉⠉⠑⠒⠒⠤⠤⢄⣀⣀    ⠈⠉ ⠑⠒
      3.0┤                                               ⠉⠉⠑⠒⠒⠤⠤⢄⣀
         └───────────────┴───────────────────┴───────────────────┴
                        20                  40                  60"
    `);
  });

  test("stands in the phase line of every size", () => {
    const [trial] = heard([
      [1, 4.1],
      [20, 3.7123],
    ]).trials;
    const input = { paused: false, stopped: null, now: 125, unreadable: null, unread: false };
    const frame = drawn(
      <PhaseLine trial={{ ...trial!, status: "running" }} {...input} width={60} height={1} />,
      { columns: 60, rows: 2 },
      rich,
    );
    expect(frame).toContain("sft  ");
    expect(frame).toContain("20/60 steps  loss 3.712");
  });
});
