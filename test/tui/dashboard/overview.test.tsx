import { describe, expect, test } from "vitest";
import { emptyRun, type TrialModel, unknownTrial } from "../../../src/run-model/run-model.js";
import { afterKey } from "../../../src/tui/dashboard/after-key.js";
import { factsOf } from "../../../src/tui/dashboard/facts.js";
import type { KeyName } from "../../../src/tui/terminal/keys.js";
import type { TerminalSize } from "../../../src/tui/terminal/terminal-context.js";
import { runOf } from "../../run-model/sample-run.js";
import { ascii, rich } from "../drawn.js";
import { frameOf, midway, now, type SceneChanges, sceneOf } from "./sample-scene.js";

const small = { columns: 80, rows: 24 };
const middle = { columns: 120, rows: 40 };
const overview = { overview: true } as const;

function rowsOf(changes: SceneChanges, size: TerminalSize, style = rich): string[] {
  return frameOf(size, { ...changes, view: { ...overview, ...changes.view } }, style).split("\n");
}

const fineTuning: TrialModel = {
  ...unknownTrial("sft-s0"),
  stage: "sft",
  status: "running",
  startedAt: now - 9,
  phase: { name: "sft", done: 12, total: 60, unit: "steps", since: now - 6 },
  loss: {
    name: "SFT",
    points: [4, 8, 12].map((step) => ({ step, loss: 4 - step / 10, held_out: null })),
  },
};
const loading: TrialModel = {
  ...fineTuning,
  phase: { name: "load", done: 3, total: 5, unit: "reward", since: now - 2 },
  loss: null,
};
const waiting = { ...unknownTrial("ra-rlhf-s0"), iterations: 60 };

describe("the overview", () => {
  test("has every trial with state, iteration, figures and time, at 80 × 24", () => {
    expect(rowsOf({}, small).slice(0, 8).join("\n")).toMatchInlineSnapshot(`
      "quickstart  ▶ running  1 of 2 trials done  on local
      75 %  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━──────────  3 m 05 s gone  about 57 s left
      ra-rlhf-s0  update  ━━━━━━━━━━━━━━━─────────  40/64 episodes  2.0 s
      ━▸0 Trials  2 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
                                       newest iteration        evaluation
        trial       state    raw reward  CVaR 0.4    KL  CVaR 0.1  harm %  left
        rlhf-s0     ✓ done         1.63     −0.62  6.40         –       –     –
      ▸ ra-rlhf-s0  ▶ 31/60        0.51     −1.20  3.45         –       –  57 s"
    `);
  });

  test("and at 120 × 40 with figures of evaluations, and each curve's stroke", () => {
    const rows = rowsOf({}, middle);
    expect(rows.slice(3, 9).join("\n")).toMatchInlineSnapshot(`
      "━▸0 Trials  2 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
                                                           newest iteration             newest evaluation
               trial       state      iteration  raw reward  CVaR 0.4    KL  raw reward  CVaR 0.1  harm %  left
        ⠒⠒⠒⠒⠒⠒ rlhf-s0     ✓ done         60/60        1.63     −0.62  6.40           –         –       –     –
      ▸ ⠒⠒ ⠒⠒  ra-rlhf-s0  ▶ running      31/60        0.51     −1.20  3.45           –         –       –  57 s
      ─ CVaR 0.4  by iteration, arms of seed 0, ← → other figures ────────────────────────────────────────────────────────────"
    `);
    expect(rows.length).toBeLessThan(middle.rows);
  });

  test("is ASCII where the terminal is", () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is asked about.
    expect(rowsOf({}, middle, ascii).join("\n")).toMatch(/^[\u0000-\u007f]*$/);
  });

  test("says what is loading, and shows the loss of the fine-tuning", () => {
    const loads = rowsOf({ model: runOf([loading, waiting]) }, small).join("\n");
    expect(loads).toMatch(/sft-s0 {2}load .*reward, 4 of 5 {2}2\.0 s/);
    expect(loads).toMatch(/sft-s0 +▶ load 3\/5/);
    const tunes = rowsOf({ model: runOf([fineTuning, waiting]) }, small).join("\n");
    expect(tunes).toMatch(/SFT loss 2\.80 +step 12/);
  });

  test("without trials says so", () => {
    expect(rowsOf({ model: emptyRun() }, small).join("\n")).toContain("no trial yet");
  });

  test.each([...Array(8).keys()].map((at) => 60 + 20 * at))(
    "fills %i columns and no more",
    (columns) => {
      for (const rows of [15, 24, 40, 60]) {
        const lines = rowsOf({}, { columns, rows });
        expect(lines.length).toBe(rows - 1);
        expect(lines.at(-1)).toContain("? help");
      }
    },
  );

  test("shows what went wrong with the results", () => {
    const results = { evaluation: null, reports: [], problem: "evaluation.json: damaged" };
    expect(rowsOf({ results }, small).join("\n")).toContain("evaluation.json: damaged");
  });

  test("shows where the report is", () => {
    const path = `/${"long/".repeat(30)}runs/quickstart-1/report.html`;
    const results = { evaluation: null, reports: [path], problem: null };
    expect(rowsOf({ results }, small)[2]).toMatch(
      /^report {2}….*runs\/quickstart-1\/report\.html$/,
    );
  });
});

describe("keys of the overview", () => {
  const facts = factsOf(sceneOf(small, { view: overview }), small, rich);
  const played = (...names: (KeyName | string)[]) =>
    names.reduce(
      (view, name) =>
        afterKey(
          view,
          name.length === 1
            ? { kind: "character", text: name }
            : { kind: "named", name: name as KeyName },
          { ...facts, trial: view.trial ?? facts.trial },
        ).view,
      sceneOf(small, { view: overview }).view,
    );

  test("Enter opens the trial under the cursor, 0 and Esc come back", () => {
    expect(played("up")).toMatchObject({ trial: "rlhf-s0", overview: true });
    expect(played("up", "enter")).toMatchObject({ trial: "rlhf-s0", overview: false });
    expect(played("enter", "0").overview).toBe(true);
    expect(played("enter", "escape").overview).toBe(true);
    expect(played("enter", "[", "escape").overview).toBe(false);
  });

  test("a panel's number opens it", () => {
    expect(played("3")).toMatchObject({ overview: false, focus: "tail" });
  });

  test("left and right go through the figures", () => {
    expect(played("right").figure).toBe("kl_mean");
    expect(played("left").figure).toBe("reward_mean");
  });

  test("what only a trial has does nothing", () => {
    for (const key of ["f", "t", "[", "+", "b", "v"]) {
      expect(played(key)).toEqual(sceneOf(small, { view: overview }).view);
    }
  });

  test("the last event stands below where there is room", () => {
    expect(rowsOf({}, middle).join("\n")).toContain(midway.log.at(-1)!.text);
  });
});
