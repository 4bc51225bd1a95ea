import { describe, expect, test } from "vitest";
import type { CompareState } from "../../../src/tui/compare/compare-state.js";
import {
  comparedRows,
  runLetter,
  withReferenceFirst,
} from "../../../src/tui/compare/compared-rows.js";
import type { ComparedRun } from "../../../src/tui/compare/compared-run.js";
import { type LauncherState, readComparison } from "../../../src/tui/launcher/launcher-state.js";
import type { TerminalSize } from "../../../src/tui/terminal/terminal-context.js";
import { ascii } from "../drawn.js";
import { afterKeys, frameOf, launcher } from "../launcher/launcher-fixture.js";
import { comparedRuns, oneRun } from "./compare-fixture.js";

const small: TerminalSize = { columns: 80, rows: 24 };
const large: TerminalSize = { columns: 140, rows: 50 };

const asked = afterKeys(launcher, "c", "c");
const read = (runs: readonly ComparedRun[]): LauncherState => readComparison(asked, runs);

function compare(state: LauncherState): CompareState {
  if (state.screen.kind !== "compare") throw new Error(`the screen is ${state.screen.kind}`);
  return state.screen.compare;
}

describe("frames", () => {
  test("while it is read", () => {
    expect(frameOf(asked, small)).toContain("reading…");
  });
  test("of the table at 80 × 24", () => {
    expect(frameOf(read(comparedRuns), small)).toMatchInlineSnapshot(`
      "COMPARISON  ▸ table    curves

      A  quickstart-1a2b3c4d  seeds 0, 1, 2  B  quickstart-77777777  seeds 0, 1, 2
      C  smoke-5e5e5e5e

      arm               reward            tail         CVaR₀.₁       harm %
      ─────────────────────────────────────────────────────────────────────
      A sft              −0.23           −4.23           −5.03          9.2
                 [−0.53, 0.07]  [−4.53, −3.93]  [−5.33, −4.73]  [8.2, 10.2]
      A rlhf              1.57           −2.43           −3.23          7.4
                  [1.27, 1.87]  [−2.73, −2.13]  [−3.53, −2.93]   [6.4, 8.4]
      A ra-rlhf           2.40           −1.60           −2.40          6.6
                  [2.10, 2.70]  [−1.90, −1.30]  [−2.70, −2.10]   [5.6, 7.6]
      B ra-rlhf           3.13           −0.87           −1.67          5.9
                  [2.83, 3.43]  [−1.17, −0.57]  [−1.97, −1.37]   [4.9, 6.9]
      [ ]: 95 % interval of the mean over 3 seeds
      left out, the terminal is too narrow: perplexity

      minus A sft, paired by seed:
      arm                reward            tail         CVaR₀.₁        harm %
      ───────────────────────────────────────────────────────────────────────
      ⋮ 17 more lines
      ? help  Esc back  Tab table/curves  r reference  q quit"
    `);
  });
  test("of the table at 140 × 50", () => {
    expect(frameOf(read(comparedRuns), large)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      COMPARISON  ▸ table    curves

      A  quickstart-1a2b3c4d  seeds 0, 1, 2  B  quickstart-77777777  seeds 0, 1, 2  C  smoke-5e5e5e5e

      arm                mean reward           tail reward               CVaR₀.₁      harm rate %         perplexity
      ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
      A sft      −0.23 [−0.53, 0.07]  −4.23 [−4.53, −3.93]  −5.03 [−5.33, −4.73]  9.2 [8.2, 10.2]  17.8 [17.5, 18.1]
      A rlhf      1.57  [1.27, 1.87]  −2.43 [−2.73, −2.13]  −3.23 [−3.53, −2.93]  7.4  [6.4, 8.4]  19.6 [19.3, 19.9]
      A ra-rlhf   2.40  [2.10, 2.70]  −1.60 [−1.90, −1.30]  −2.40 [−2.70, −2.10]  6.6  [5.6, 7.6]  20.4 [20.1, 20.7]
      B ra-rlhf   3.13  [2.83, 3.43]  −0.87 [−1.17, −0.57]  −1.67 [−1.97, −1.37]  5.9  [4.9, 6.9]  21.1 [20.8, 21.4]
      [ ]: 95 % interval of the mean over 3 seeds

      minus A sft, paired by seed:
      arm                 mean reward           tail reward               CVaR₀.₁        harm rate %         perplexity
      ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
      A rlhf     +1.80 [+1.55, +2.05]  +1.80 [+1.55, +2.05]  +1.80 [+1.55, +2.05]  −1.8 [−2.0, −1.6]  +1.8 [+1.6, +2.0]
      A ra-rlhf  +2.63 [+2.06, +3.21]  +2.63 [+2.06, +3.21]  +2.63 [+2.06, +3.21]  −2.6 [−3.2, −2.1]  +2.6 [+2.1, +3.2]
      B ra-rlhf  +3.37 [+2.79, +3.94]  +3.37 [+2.79, +3.94]  +3.37 [+2.79, +3.94]  −3.4 [−3.9, −2.8]  +3.4 [+2.8, +3.9]
      [ ]: 95 % interval of the mean over 3 seeds
      A rlhf − A sft, tail reward: p 0.001, after Holm 0.012, d_z +18.0: differ
      A ra-rlhf − A sft, tail reward: p 0.003, after Holm 0.013, d_z +11.4: differ
      B ra-rlhf − A sft, tail reward: p 0.002, after Holm 0.013, d_z +14.6: differ

      A  quickstart-1a2b3c4d
         Harm rate: 0.130 with sft → 0.046 with ra-rlhf (−65 %).
         ra-rlhf +0.81.
      C  smoke-5e5e5e5e
         no arm of it has been evaluated yet

      Mean raw reward by how bad the prompt was  0: worst prompts, 100: best; up is better
      5┤              ┊                                                                                 ⢀   ⣀  ⢀⣀⣀  ⣀⣀⣠⣤⣤⣀⣤⣤⣤⡤⠤⠤⠶⠤⠤⠤⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠁
       │              ┊                                                         ⣀   ⠤ ⣀⣀⣤⣀  ⣶⠤⣤⠤⠶ ⣶⣒⣛⣒⣒⣀⡻⠭⠿⠭⠶⠔⠛⠓⠛⠉⠉⠉⠉⠉⠁
       │              ┊                             ⣀   ⢤⣀⣀⣀⠒ ⣀⡠⣭⠤⣀ ⣭⠤⡴⠒⠭ ⠶⠒⠿⣉⣒⣀⣛⣉⠿⠭⠭⠔⠛⠒⠛⠒⠛⠉⠉⠉⠉⠉⠉⠉
       │              ┊         ⣀   ⠤ ⣀⣀⣒⣀  ⢭⠤⣤⠤⣉ ⠶⠉⠭⠉⠔ ⠓ ⣉⣀⣉⣀⣉⡠⠤⠤⠤⠤⠔⠒⠒⠒⠉⠉⠉⠉⠉
       │            ⠤ ┊ ⠉ ⣀⠤⠭⠤⢀ ⣒⠒⠭⠉⠤ ⠒ ⠒ ⠉ ⢁⣀⣀⣀⠤⠤⠤⠒⠒⠒⠊⠉⠉⠉
      0┤    ⢀   ⠊⣀  ⣒⠒⠭⠉⠒ ⠒ ⠉ ⠁  ⢀⣀⣀⠤⠤⠒⠒⠒⠉⠉⠉⠁
       │    ⠁ ⠔⠒⡩ ⠊   ┊⣀⡠⠤⠤⠒⠒⠒⠊⠉⠉⠁
       │   ⠈⣀ ⠒  ⢀⡠⠔⠒⠉⠉
       │      ⢀⡠⠒⠁    ┊
       │   ⢀⠤⠊⠁       ┊
       └┴─────────────┴────────────┴─────────────┴─────────────┴─────────────┴────────────┴─────────────┴─────────────┴────────────┴─────────────┴
        0            ▴10          20            30            40            50           60            70            80           90           100
      ▸ ⠒⠒⠒⠒⠒⠒ A sft      −4.20 on the worst prompts, 5.00 on the best
        ⠒ ⠒ ⠒  A rlhf     −2.50 on the worst prompts, 5.00 on the best
        ⠒⠒⠒⠒   A ra-rlhf  −1.70 on the worst prompts, 5.00 on the best
        ⠒   ⠒  B ra-rlhf  −0.70 on the worst prompts, 5.00 on the best
      ? help  Esc back  Tab table/curves  r reference  q quit"
    `);
  });
  test("of one run's arms at 80 × 24: one seed claims nothing", () => {
    expect(frameOf(read(oneRun), small)).toMatchInlineSnapshot(`
      "COMPARISON  ▸ table    curves

      quickstart-0badc0de  seeds 0

      arm      mean reward  tail reward  CVaR₀.₁  harm rate %  perplexity
      ───────────────────────────────────────────────────────────────────
      sft            −0.20        −4.20    −5.00          9.2        17.8
      rlhf            1.50        −2.50    −3.30          7.5        19.5
      ra-rlhf         2.30        −1.70    −2.50          6.7        20.3
      one seed: the figures do not say what another seed would give

      rlhf − sft: no difference is shown, 1 seed in common; at least 3 are needed
      ra-rlhf − sft: no difference is shown, 1 seed in common; at least 3 are needed

      quickstart-0badc0de
         Risk-averse against risk-neutral: one seed, not decided.






      ? help  Esc back  Tab table/curves  r reference  q quit"
    `);
  });
  test("of the curves at 80 × 24", () => {
    expect(frameOf(afterKeys(read(comparedRuns), "tab", "down"), small)).toMatchInlineSnapshot(`
      "COMPARISON    table  ▸ curves

      Mean raw reward by how bad the prompt was  0: worst prompts, 100: best; up is b…
        │        ┊                                                    ⢀⣀⣀⣀⡠⣤⣤⠤⠴⠖⠒⠒⠉⠉
       4┤        ┊                                       ⠤⣀⣀⣤⣒⣀⠶⣶⠿⣶⠶⠒⠟⠛⠁⠉⠉
        │        ┊                       ⣀   ⠤⢀⣀⣠⣒⣀⡴⠶⠿⢶⣔⠒⠿⠭⠉⠒⠒ ⠉
        │        ┊           ⢀   ⠤  ⣀⠉ ⠤⣤⣒⣒⠤⠤⠛⢋⠉⡡⠤ ⠒⠊ ⠁
       2┤        ┊       ⠔ ⢀⣀⡡⠤⢀⣀⡪⠭⠛⠒⠉⠉⣉⣀ ⠤⠒ ⠉⠁
        │        ⠤   ⣉⠤⠔⢒⡠⠤⠕⠒⠊⠉⠁ ⡠⠤ ⠒⠉
        │    ⡠  ⢀⡠⠔⢀⣀⠤⠒⠊⠁  ⣀⡠ ⠒⠉
       0┤    ⠁ ⢊⡡⠔⠊⠁  ⣀ ⠔⠊
        │   ⡠⢀⠎⠁ ┊⡠⠔ ⠉
      −2┤  ⠊⡠⠃ ⠤⠒┊
        │  ⠜ ⢠   ┊
        │   ⡠⠃   ┊
      −4┤   ⠁    ┊
        └┴──────────────┴──────────────┴───────────────┴──────────────┴──────────────┴
         0      ▴10    20             40              60             80            100
        ⠒⠒ ⠒⠒  A sft      −4.20 on the worst prompts, 5.00 on the best
      ▸ ⠒⠒⠒⠒⠒⠒ A rlhf     −2.50 on the worst prompts, 5.00 on the best
        ⠒⠒⠒⠒   A ra-rlhf  −1.70 on the worst prompts, 5.00 on the best
        ⠒   ⠒  B ra-rlhf  −0.70 on the worst prompts, 5.00 on the best
      ? help  Esc back  Tab table/curves  r reference  q quit"
    `);
  });
  test("of the curves at 60 × 15, in ASCII", () => {
    const text = frameOf(afterKeys(read(comparedRuns), "tab"), { columns: 60, rows: 15 }, ascii);
    expect(text).toMatchInlineSnapshot(`
      "COMPARISON    table  > curves
      Mean raw reward by how bad the prompt was  0: worst prompts~
      5+      :                      ***+++:::________------'''''
       |      :  ******+++:::::___------''''''
      0+  **++:::______---'''''
       | :::_--''
       | _-'  :
       ++----------------------------+---------------------------+
        0    ^10                    50                         100
      > ------ A sft      -4.20 on the worst prompts, 5.00 on the~
        :::::: A rlhf     -2.50 on the worst prompts, 5.00 on the~
        ++++++ A ra-rlhf  -1.70 on the worst prompts, 5.00 on the~
        ****** B ra-rlhf  -0.70 on the worst prompts, 5.00 on the~
      ? help  Esc back  Tab table/curves  r reference  q quit"
    `);
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  });
  test("of the table at 60 × 15: figures are on the first screen", () => {
    const shown = frameOf(read(comparedRuns), { columns: 60, rows: 15 });
    expect(shown).toContain("A sft");
    expect(shown).toContain("B  quickstart-77777777");
  });

  test("of runs without results", () => {
    expect(frameOf(read([comparedRuns[2]!]), small)).toContain(
      "no arm of it has been evaluated yet",
    );
  });
});

describe("keys", () => {
  test("the reference goes round", () => {
    const state = read(comparedRuns);
    expect(compare(afterKeys(state, "r")).reference).toBe(1);
    expect(compare(afterKeys(state, "r", "r", "r", "r")).reference).toBe(0);
    const text = frameOf(afterKeys(state, "r"), large);
    expect(text).toContain("minus A rlhf, paired by seed:");
  });

  test("the table scrolls between its ends", () => {
    const state = read(comparedRuns);
    expect(compare(afterKeys(state, "up")).scroll).toBe(0);
    expect(compare(afterKeys(state, "down", "down")).scroll).toBe(2);
    expect(compare(afterKeys(state, "G")).scroll).toBe(20);
    expect(compare(afterKeys(state, "G", "g")).scroll).toBe(0);
  });

  test("the last line of the table can be reached, and no line is passed over", () => {
    const state = afterKeys(read(comparedRuns), ...Array<string>(20).fill("down"));
    expect(frameOf(state, small)).toContain("95 % interval of the mean over 3 seeds");
  });

  test("among curves, up and down choose the one in front", () => {
    const state = afterKeys(read(comparedRuns), "tab");
    expect(compare(afterKeys(state, "down")).highlight).toBe(1);
    expect(compare(afterKeys(state, "end")).highlight).toBe(3);
    expect(compare(afterKeys(state, "end", "down", "up")).highlight).toBe(2);
  });

  test("Esc goes back to the list with its marks", () => {
    const back = afterKeys(read(comparedRuns), "escape");
    expect(back.screen.kind).toBe("list");
    expect(back.list.marked).toEqual(["quickstart-77777777"]);
    expect(readComparison(back, comparedRuns)).toBe(back);
  });
});

test("several runs get letters, one gets none", () => {
  expect(comparedRows(comparedRuns).map(({ label }) => label)).toEqual([
    "A sft",
    "A rlhf",
    "A ra-rlhf",
    "B ra-rlhf",
  ]);
  expect(comparedRows(oneRun).map(({ label }) => label)).toEqual(["sft", "rlhf", "ra-rlhf"]);
  const letters = Array.from({ length: 60 }, (_, place) => runLetter(place, 60));
  expect(new Set(letters).size).toBe(60);
  expect(withReferenceFirst(["a", "b", "c"], 1)).toEqual(["b", "a", "c"]);
});
