import { cleanup, render } from "ink-testing-library";
import { afterEach, describe, expect, test } from "vitest";
import { launcherLines, type TerminalSize } from "../../../src/tui/launcher/launcher-lines.js";
import {
  emptyLauncher,
  foundExperiments,
  foundRuns,
  type LauncherState,
} from "../../../src/tui/launcher/launcher-state.js";
import type { ViewStyle } from "../../../src/tui/line.js";
import { LineView } from "../../../src/tui/line-view.js";
import {
  afterKeys,
  experiment,
  firstTime,
  launcher,
  now,
  rich,
  textOf,
} from "./launcher-fixture.js";

const small: TerminalSize = { columns: 80, rows: 24 };
const large: TerminalSize = { columns: 140, rows: 50 };
const least: TerminalSize = { columns: 60, rows: 15 };

afterEach(cleanup);

/** As Ink draws it. */
function frame(state: LauncherState, size: TerminalSize, style: ViewStyle = rich): string {
  const lines = launcherLines(state, size, now, style);
  return render(<LineView lines={lines} style={style} />).lastFrame()!;
}

/** The test terminal is 100 columns wide: wider lines as they leave for the real one. */
function lines(state: LauncherState, size: TerminalSize, style: ViewStyle = rich): string {
  return textOf(launcherLines(state, size, now, style));
}

describe("the list", () => {
  test("at 80 × 24", () => {
    expect(frame(launcher, small)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      EXPERIMENTS
        quickstart        5 arms × 1 seed   about 4 m 47 s   SFT, RLHF and risk-avers…
        quickstart-seeds  6 arms × 9 seeds  no estimate yet  nine seeds of the quicks…
        smoke             3 arms × 1 seed   about 3.4 s      the whole controller aga…

      RUNS
      ▸   ● running  quickstart-77777777  ra-rlhf-s0 24/60  CVaR −2.51  3/5  2 m left
          ‖ paused   smoke-5e5e5e5e                                     0/3  3 d ago
          ✓ done     quickstart-1a2b3c4d  ra-rlhf-s0 60/60  CVaR −2.51  5/5  3 h ago
          ✗ failed   quickstart-0badc0de  rlhf-s0 12/60                 2/5  28 h ago

      what happens to the tail
      started 3 m ago, 2026-11-23 11:57 UTC







      Enter open  n new run  / filter  c compare  ? help  q quit"
    `);
  });
  test("at 140 × 50", () => {
    expect(lines(launcher, large)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      EXPERIMENTS
        quickstart        5 arms × 1 seed   about 4 m 47 s   SFT, RLHF and risk-averse RLHF on the built-in model, and what happens to the tail
        quickstart-seeds  6 arms × 9 seeds  no estimate yet  nine seeds of the quickstart's arms and of random dropping, paired by seed and prompt
        smoke             3 arms × 1 seed   about 3.4 s      the whole controller against a worker without models

      RUNS
      ▸   ● running  quickstart-77777777  ra-rlhf-s0 24/60  CVaR −2.51  3/5 trials  2 m left
          ‖ paused   smoke-5e5e5e5e                                     0/3 trials  3 d ago
          ✓ done     quickstart-1a2b3c4d  ra-rlhf-s0 60/60  CVaR −2.51  5/5 trials  3 h ago
          ✗ failed   quickstart-0badc0de  rlhf-s0 12/60                 2/5 trials  28 h ago

      what happens to the tail
      started 3 m ago, 2026-11-23 11:57 UTC

































      Enter open  n new run  / filter  c compare  ? help  q quit"
    `);
  });
  test("at 60 × 15", () => {
    expect(frame(launcher, least)).toMatchInlineSnapshot(`
      "EXPERIMENTS
        quickstart        5 arms × 1 seed   about 4 m 47 s
        quickstart-seeds  6 arms × 9 seeds  no estimate yet
        smoke             3 arms × 1 seed   about 3.4 s
      RUNS
      ▸   ● running  quickstart-77777777  24/60  CVaR −2.51  3/5 …
          ‖ paused   smoke-5e5e5e5e                          0/3 …
          ✓ done     quickstart-1a2b3c4d  60/60  CVaR −2.51  5/5 …
          ✗ failed   quickstart-0badc0de  12/60              2/5 …
      what happens to the tail



      Enter open  n new run  / filter  c compare  ? help  q quit"
    `);
  });
  test("tells somebody who never ran anything what to press", () => {
    expect(frame(firstTime, small)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      EXPERIMENTS
      ▸ quickstart        5 arms × 1 seed   about 4 m 47 s   SFT, RLHF and risk-avers…
        quickstart-seeds  6 arms × 9 seeds  no estimate yet  nine seeds of the quicks…
        smoke             3 arms × 1 seed   about 3.4 s      the whole controller aga…

      RUNS
        No run yet. Press n to start quickstart, ? for all keys.

      SFT, RLHF and risk-averse RLHF on the built-in model, and what happens to the t…
      arms sft, rlhf, rlhf-kl, ra-rlhf, ra-rlhf-hard; seeds 0










      Enter open  n new run  / filter  c compare  ? help  q quit"
    `);
  });
  test("says whole why an experiment cannot be read", () => {
    const problem = `configs/experiments/bad.yaml:2:8: arms: found the unknown arm "ra-rhlf", expected one of ${"a-known-arm, ".repeat(6)}or an arm of your own.`;
    const bad = experiment("smoke", { id: "bad", knobs: null, arms: [], problems: [problem] });
    const state = foundRuns(foundExperiments(emptyLauncher, [bad]), []);
    for (const size of [least, small, large]) {
      expect(lines(state, size).replaceAll(/\s+/g, "")).toContain(problem.replaceAll(/\s+/g, ""));
    }
  });

  test("filtered and marked", () => {
    expect(frame(afterKeys(launcher, "c", "/", "text:quick"), small)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      / quick▏
      EXPERIMENTS  2 of 3
        quickstart        5 arms × 1 seed   about 4 m 47 s   SFT, RLHF and risk-avers…
        quickstart-seeds  6 arms × 9 seeds  no estimate yet  nine seeds of the quicks…

      RUNS  3 of 4  1 marked: c on a marked run compares, Space unmarks, Esc clears
      ▸ ◆ ● running  quickstart-77777777  ra-rlhf-s0 24/60  CVaR −2.51  3/5  2 m left
          ✓ done     quickstart-1a2b3c4d  ra-rlhf-s0 60/60  CVaR −2.51  5/5  3 h ago
          ✗ failed   quickstart-0badc0de  rlhf-s0 12/60                 2/5  28 h ago

      what happens to the tail
      started 3 m ago, 2026-11-23 11:57 UTC








      Enter keep  Esc show all"
    `);
  });
});

describe("the form", () => {
  const form = afterKeys(launcher, "tab", "n");
  test("at 80 × 24", () => {
    expect(frame(form, small)).toMatchInlineSnapshot(`
      "New run of quickstart  SFT, RLHF and risk-averse RLHF on the built-in model, an…
        arms    [x] sft  [x] rlhf  [x] rlhf-kl  [x] ra-rlhf  [x] ra-rlhf-hard
                [ ] base  [ ] random-drop
        seeds   0               one trial for each arm and seed
        α       0.4             worst share of episodes that counts
        n       5               iterations 0 to n keep every episode
        ρ       0.95            share of M at which α is reached
        M       60              iterations
        worker  ‹ local ›       how the model's process is started
        device  ‹ auto ›        auto: a GPU where there is one
      ▸ Start  Enter  5 trials, 2 side by side, about 4 m 50 s
      Episodes kept of 64, over 60 iterations →
        │⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠛⠒⠛⠛⠒⠭⠭⠤⠭⣉⣀⣉⣉⣀⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉
      50┤                        ⠉⠉⠉⠉⠉⠑⠒⠒⠒⠒⠢⠤⠤⠤⠤⢄⣀⣀⣀⡀
        │                                           ⠈⠉⠉⠉⠉⠉⠒⠒⠒⠒⠒⠤⠤⠤⠤⠤⣀⣀⣀⣀
        │                                                               ⠉⠉⠉⠉⠉⠒⠒⠒⠒⠒⠢⠤⠤⠤
        │
       0┤
        └┴────────────┴────────────┴────────────┴────────────┴───────────┴────────────
         0           10           20           30           40          50
      ━━ ra-rlhf: 64 before iteration 7, then fewer, 26 of 64 from 57 on
      ╌╌ rlhf, rlhf-kl, ra-rlhf-hard: all 64
      ↓ settings  Enter start  Esc back  ? help"
    `);
  });
  test("at 140 × 50", () => {
    expect(lines(form, large)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      New run of quickstart  SFT, RLHF and risk-averse RLHF on the built-in model, and what happens to the tail

        arms    [x] sft  [x] rlhf  [x] rlhf-kl  [x] ra-rlhf            Episodes kept of 64, over 60 iterations →
                [x] ra-rlhf-hard  [ ] base  [ ] random-drop              │⠉⠉⠉⠉⠉⠉⠉⠉⠒⠭⠭⢄⣉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉
        seeds   0               one trial for each arm and seed        60┤             ⠉⠒⠒⠢⢄⣀
        α       0.4             worst share of episodes that counts      │                   ⠉⠉⠑⠢⢄⣀⣀
        n       5               iterations 0 to n keep every episode     │                          ⠉⠑⠢⠤⠤⣀
        ρ       0.95            share of M at which α is reached         │                                ⠉⠉⠑⠒⠤⣀⣀⡀
        M       60              iterations                               │                                       ⠈⠑⠒⠤⠤⢄⡀
        worker  ‹ local ›       how the model's process is started     40┤                                             ⠈⠉⠒⠒⠤⢄⡀
        device  ‹ auto ›        auto: a GPU where there is one           │                                                   ⠈⠉⠉⠒⠤⢄⣀⣀
                                                                         │                                                           ⠉⠉⠉⠑⠢⠤⣀⣀⡀
      ▸ Start  Enter  5 trials, 2 side by side, about 4 m 50 s           │                                                                   ⠈⠑⠒⠒⠒
                                                                       20┤
                                                                         │
                                                                         │
                                                                         │
                                                                         │
                                                                        0┤
                                                                         └┴───────────┴───────────┴───────────┴───────────┴───────────┴───────────
                                                                          0          10          20          30          40          50
                                                                       ━━ ra-rlhf: 64 before iteration 7, then fewer, 26 of 64 from 57 on
                                                                       ╌╌ rlhf, rlhf-kl, ra-rlhf-hard: all 64























      ↓ settings  Enter start  Esc back  ? help"
    `);
  });
  test("at 60 × 15", () => {
    expect(frame(form, least)).toMatchInlineSnapshot(`
      "New run of quickstart  SFT, RLHF and risk-averse RLHF on th…
        arms    [x] sft  [x] rlhf  [x] rlhf-kl  [x] ra-rlhf  …
        seeds   0               one trial for each arm and seed
        α       0.4             worst share of episodes that coun…
        n       5               iterations 0 to n keep every epis…
        ρ       0.95            share of M at which α is reached
        M       60              iterations
        worker  ‹ local ›       how the model's process is started
        device  ‹ auto ›        auto: a GPU where there is one
      ▸ Start  Enter  5 trials, 2 side by side, about 4 m 50 s
      ━━ ra-rlhf: 64 before iteration 7, then fewer, 26 of 64 fro…
      ╌╌ rlhf, rlhf-kl, ra-rlhf-hard: all 64

      ↓ settings  Enter start  Esc back  ? help"
    `);
  });
  test("with a wrong setting, in the words of averse run", () => {
    const wrong = afterKeys(form, "tab", "down", "down", "ctrl-u", "text:1.5");
    expect(frame(wrong, small)).toMatchInlineSnapshot(`
      "New run of quickstart  SFT, RLHF and risk-averse RLHF on the built-in model, an…
        arms    [x] sft  [x] rlhf  [x] rlhf-kl  [x] ra-rlhf  [x] ra-rlhf-hard
                [ ] base  [ ] random-drop
        seeds   0               one trial for each arm and seed
      ▸ α       1.5▏ *          worst share of episodes that counts
        n       5               iterations 0 to n keep every episode
        ρ       0.95            share of M at which α is reached
        M       60              iterations
        worker  ‹ local ›       how the model's process is started
        device  ‹ auto ›        auto: a GPU where there is one
        Start  not with these settings:
        --set risk.alpha=1.5: risk.alpha: found 1.5, expected a number over 0 and at
        most 1. The default is \`alpha: 0.4\` (α: the worst share of episodes that
        counts).
      The risk schedule is drawn here once the settings are right.







      ↓ settings  Enter start  Esc back  ? help"
    `);
  });
});

test("help", () => {
  expect(frame(afterKeys(launcher, "?"), small)).toMatchInlineSnapshot(`
    "averse · risk-averse fine-tuning

    HELP: experiments and runs
    A run trains the arms of an experiment and goes on without this window.
    Open a run to watch it; leave the view with q, come back at any time.

      Enter          open: a run's dashboard, an experiment's form
      n              a new run of the chosen experiment
      ↑ k            one up
      ↓ j            one down
      Page-Up        ten up
      Page-Down      ten down
      Home g         to the first
      End G          to the last
      Tab Shift-Tab  between experiments and runs
      /              show only what holds a word
      c              mark a run to compare; on a marked one: compare
      Space          take a run's mark back
      Esc            clear filter, then marks
      ?              this help
      q Ctrl-C       leave averse; runs go on

    Esc close  ↓ more"
  `);
});
