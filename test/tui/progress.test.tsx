import fc from "fast-check";
import { cleanup, render } from "ink-testing-library";
import { afterEach, describe, expect, test } from "vitest";
import type { Observation } from "../../src/experiment/observation.js";
import { lineWidth } from "../../src/tui/line.js";
import { Progress } from "../../src/tui/progress.js";
import { type FrameSize, progressLines } from "../../src/tui/progress-lines.js";
import {
  afterObservation,
  type ProgressState,
  startProgress,
} from "../../src/tui/progress-state.js";
import {
  evaluated,
  event,
  failed,
  finished,
  planned,
  progress,
  started,
  step,
} from "./observations.js";

const style = { unicode: true, color: false };
const small = { columns: 80, rows: 24 };
const large = { columns: 140, rows: 50 };

function fold(
  observations: readonly (readonly [number, Observation])[],
  trials = planned,
): ProgressState {
  return observations.reduce(
    (state, [now, one]) => afterObservation(state, one, now),
    startProgress("quickstart", trials, 2, 0),
  );
}

/** SFT is done, two arms train, one is to come. */
const midway = fold([
  [1, started("sft-s0")],
  [30, evaluated("sft-s0")],
  [35, finished("sft-s0")],
  [36, started("rlhf-s0")],
  [36, started("ra-rlhf-s0")],
  [40, step("rlhf-s0", 22)],
  [43, step("rlhf-s0", 23)],
  [43, step("ra-rlhf-s0", 24, { kept: 90 })],
  [44, progress("rlhf-s0", "update", 96, 128)],
  [44, progress("ra-rlhf-s0", "sample", 16, 128)],
]);

function frame(state: ProgressState, size: FrameSize, now: number, look = style): string {
  const lines = progressLines(state, size, now, look);
  const { lastFrame } = render(<Progress lines={lines} style={look} />);
  return lastFrame()!;
}

afterEach(cleanup);

describe("frames", () => {
  test("at 80 × 24", () => {
    expect(frame(midway, small, 45)).toMatchInlineSnapshot(`
      "quickstart  1 of 4 trials done  45 s gone, about 4 m 43 s left
      ✓ sft-s0 done in 34 s  reward 0.12  tail −2.74  harm 11.4 %
      ▸ rlhf-s0     ━━━━━━━━━━━━━───────────────────  step 24/60  1 m 46 s left
          update 96/128 episodes  reward 1.26  CVaR −1.96  α' 1.00  kept 128/128
          KL 4.20  β 0.198
      ▸ ra-rlhf-s0  ━━━━━━━━━━━━━───────────────────  step 25/60  1 m 43 s left
          sample 16/128 episodes  reward 1.26  CVaR −1.96  α' 0.70  kept 90/128
          KL 4.20  β 0.198
      · 1 to come: ra-rlhf-hard-s0
      Ctrl-C stops after the step and keeps a checkpoint"
    `);
  });

  test("at 140 × 50", () => {
    // The test terminal is 100 columns wide: lines as they leave for the real one.
    const lines = progressLines(midway, large, 45, style);
    expect(
      lines.map((line) => line.map(({ text }) => text).join("")).join("\n"),
    ).toMatchInlineSnapshot(`
      "quickstart  1 of 4 trials done  45 s gone, about 4 m 43 s left
      ✓ sft-s0 done in 34 s  reward 0.12  tail −2.74  harm 11.4 %
      ▸ rlhf-s0     ━━━━━━━━━━━━━───────────────────  step 24/60  1 m 46 s left
          update 96/128 episodes  reward 1.26  CVaR −1.96  α' 1.00  kept 128/128  KL 4.20  β 0.198
      ▸ ra-rlhf-s0  ━━━━━━━━━━━━━───────────────────  step 25/60  1 m 43 s left
          sample 16/128 episodes  reward 1.26  CVaR −1.96  α' 0.70  kept 90/128  KL 4.20  β 0.198
      · 1 to come: ra-rlhf-hard-s0
      Ctrl-C stops after the step and keeps a checkpoint"
    `);
  });

  test("on a narrow and low terminal give up figures, not trials", () => {
    expect(frame(midway, { columns: 48, rows: 7 }, 45)).toMatchInlineSnapshot(`
      "quickstart  1 of 4 trials done  45 s gone, abou…
      ✓ sft-s0 done in 34 s  reward 0.12  tail −2.74 …
      ▸ rlhf-s0  step 24/60  1 m 46 s left  reward 1.…
      ▸ ra-rlhf-s0  step 25/60  1 m 43 s left  reward…
      · 1 to come: ra-rlhf-hard-s0
      Ctrl-C stops after the step and keeps a checkpo…"
    `);
  });

  test("in ASCII", () => {
    expect(frame(midway, small, 45, { unicode: false, color: false })).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test("before anything is known", () => {
    expect(frame(fold([]), small, 0)).toMatchInlineSnapshot(`
      "quickstart  0 of 4 trials done  0.0 s gone
      · 4 to come: sft-s0, rlhf-s0, ra-rlhf-s0, ra-rlhf-hard-s0
      Ctrl-C stops after the step and keeps a checkpoint"
    `);
  });

  test("of a run with a failure that is asked to stop", () => {
    const state = [
      failed("rlhf-s0", "out of memory in `update`:\u001b[2J lower training.minibatch"),
      event("ra-rlhf-s0", { type: "trial_interrupted", step: 25, saved: 20 }),
      event(null, { type: "stop_requested", how: "after-step" }),
    ].reduce((before, one) => afterObservation(before, one, 50), midway);
    expect(frame(state, small, 51)).toMatchInlineSnapshot(`
      "quickstart  1 of 4 trials done  51 s gone
      ✓ sft-s0 done in 34 s  reward 0.12  tail −2.74  harm 11.4 %
      ✗ rlhf-s0 failed: out of memory in \`update\`:⟨U+001B⟩[2J lower training.minibatch
      ‖ ra-rlhf-s0 stopped after step 25
      · 1 to come: ra-rlhf-hard-s0
      Stopping after the steps in hand. Ctrl-C once more breaks off at once."
    `);
  });
});

describe("size", () => {
  const many = Array.from({ length: 40 }, (_, seed) => ({
    id: `ra-rlhf-with-a-long-name-s${seed}`,
    stage: "rl" as const,
    iterations: 60,
  }));

  test("a frame is lower than the terminal and no line wider, whatever is in it", () => {
    const status = fc.constantFrom("waiting", "running", "done", "failed", "interrupted");
    const size = fc.record({
      columns: fc.integer({ min: 1, max: 200 }),
      rows: fc.integer({ min: 2, max: 60 }),
    });
    fc.assert(
      fc.property(
        fc.array(status, { maxLength: 40 }),
        size,
        fc.boolean(),
        (all, given, unicode) => {
          const base = startProgress("quickstart", many.slice(0, all.length), 4, 0);
          const working = afterObservation(midway, step("rlhf-s0", 30), 60).trials[1]!;
          const trials = base.trials.map((trial, at) =>
            all[at] === "waiting" ? trial : { ...working, id: trial.id, status: all[at]! },
          );
          const state = { ...base, trials, warning: "something\nodd" };
          const lines = progressLines(state, given, 70, { unicode, color: true });
          expect(lines.length).toBeLessThan(given.rows);
          expect(Math.max(...lines.map(lineWidth))).toBeLessThanOrEqual(given.columns);
        },
      ),
    );
  });

  test("failures are the last to be left out of a low terminal", () => {
    const trials = many.slice(0, 12);
    const state = trials.reduce(
      (before, { id }, at) =>
        afterObservation(before, at === 3 ? failed(id, "killed") : finished(id), 10 + at),
      startProgress("study", trials, 4, 0),
    );
    const text = frame(state, { columns: 80, rows: 8 }, 30);
    expect(text).toContain("s3 failed: killed");
    expect(text).toContain("and 8 more ended");
  });
});

describe("colour", () => {
  test("never stands alone: every state has a mark or a word of its own", () => {
    const lines = progressLines(midway, small, 45, { unicode: true, color: true });
    const marks = lines.slice(1).map((line) => line[0]!.text.trim());
    expect(marks).toContain("✓");
    expect(marks).toContain("▸");
  });
});
