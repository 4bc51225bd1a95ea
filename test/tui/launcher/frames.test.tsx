import { describe, expect, test } from "vitest";
import {
  emptyLauncher,
  foundExperiments,
  foundRuns,
} from "../../../src/tui/launcher/launcher-state.js";
import type { TerminalSize } from "../../../src/tui/terminal/terminal-context.js";
import { afterKeys, experiment, firstTime, frameOf, launcher } from "./launcher-fixture.js";

const small: TerminalSize = { columns: 80, rows: 24 };
const large: TerminalSize = { columns: 140, rows: 50 };
const least: TerminalSize = { columns: 60, rows: 15 };

describe("the list", () => {
  test("at 80 × 24", () => {
    expect(frameOf(launcher, small)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      EXPERIMENTS
        quickstart        5 arms × 1 seed   about 4 m 47 s   SFT, RLHF and risk-avers…
        quickstart-seeds  7 arms × 9 seeds  no estimate yet  nine seeds of the quicks…
        smoke             3 arms × 1 seed   about 3.4 s      the whole controller aga…

      RUNS
      ▸   ● running  quickstart-77777777  ra-rlhf-s0 24/60  CVaR −2.51  3/5  2 m left
          ‖ paused   smoke-5e5e5e5e                                     0/3  3 d ago
          ✓ done     quickstart-1a2b3c4d  ra-rlhf-s0 60/60  CVaR −2.51  5/5  3 h ago
          ✗ failed   quickstart-0badc0de  rlhf-s0 12/60                 2/5  28 h ago

      what happens to the tail
      started 3 m ago, 2026-11-23 11:57 UTC







      ? help  q quit  Enter open  n new run  / filter  c compare"
    `);
  });
  test("at 140 × 50", () => {
    expect(frameOf(launcher, large)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      EXPERIMENTS
        quickstart        5 arms × 1 seed   about 4 m 47 s   SFT, RLHF and risk-averse RLHF on the built-in model, and what happens to the tail
        quickstart-seeds  7 arms × 9 seeds  no estimate yet  nine seeds of the quickstart's arms and of two controls, paired by seed and prompt
        smoke             3 arms × 1 seed   about 3.4 s      the whole controller against a worker without models

      RUNS
      ▸   ● running  quickstart-77777777  ra-rlhf-s0 24/60  CVaR −2.51  3/5 trials  2 m left
          ‖ paused   smoke-5e5e5e5e                                     0/3 trials  3 d ago
          ✓ done     quickstart-1a2b3c4d  ra-rlhf-s0 60/60  CVaR −2.51  5/5 trials  3 h ago
          ✗ failed   quickstart-0badc0de  rlhf-s0 12/60                 2/5 trials  28 h ago

      what happens to the tail
      started 3 m ago, 2026-11-23 11:57 UTC

































      ? help  q quit  Enter open  n new run  / filter  c compare"
    `);
  });
  test("at 60 × 15", () => {
    expect(frameOf(launcher, least)).toMatchInlineSnapshot(`
      "EXPERIMENTS
        quickstart        5 arms × 1 seed   about 4 m 47 s
        quickstart-seeds  7 arms × 9 seeds  no estimate yet
        smoke             3 arms × 1 seed   about 3.4 s
      RUNS
      ▸   ● running  quickstart-77777777  24/60  CVaR −2.51  3/5 …
          ‖ paused   smoke-5e5e5e5e                          0/3 …
          ✓ done     quickstart-1a2b3c4d  60/60  CVaR −2.51  5/5 …
          ✗ failed   quickstart-0badc0de  12/60              2/5 …
      what happens to the tail



      ? help  q quit  Enter open  n new run  / filter  c compare"
    `);
  });
  test("tells somebody who never ran anything what to press", () => {
    expect(frameOf(firstTime, small)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      EXPERIMENTS
      ▸ quickstart        5 arms × 1 seed   about 4 m 47 s   SFT, RLHF and risk-avers…
        quickstart-seeds  7 arms × 9 seeds  no estimate yet  nine seeds of the quicks…
        smoke             3 arms × 1 seed   about 3.4 s      the whole controller aga…

      RUNS
        No run yet. Press n to start quickstart, ? for all keys.

      SFT, RLHF and risk-averse RLHF on the built-in model, and what happens to the t…
      arms sft, rlhf, rlhf-kl, ra-rlhf, hard-kl; seeds 0










      ? help  q quit  Enter open  n new run  / filter  c compare"
    `);
  });
  test("says whole why an experiment cannot be read", () => {
    const problem = `configs/experiments/bad.yaml:2:8: arms: found the unknown arm "ra-rhlf", expected one of ${"a-known-arm, ".repeat(6)}or an arm of your own.`;
    const bad = experiment("smoke", { id: "bad", settings: null, arms: [], problems: [problem] });
    const state = foundRuns(foundExperiments(emptyLauncher, [bad]), []);
    for (const size of [least, small, large]) {
      expect(frameOf(state, size).replaceAll(/\s+/g, "")).toContain(problem.replaceAll(/\s+/g, ""));
    }
  });

  test("filtered and marked", () => {
    expect(frameOf(afterKeys(launcher, "c", "/", "text:quick"), small)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      / quick▏
      EXPERIMENTS  2 of 3
        quickstart        5 arms × 1 seed   about 4 m 47 s   SFT, RLHF and risk-avers…
        quickstart-seeds  7 arms × 9 seeds  no estimate yet  nine seeds of the quicks…

      RUNS  3 of 4  1 marked: c on a marked run compares, Space unmarks, Esc clears
      ▸ ◆ ● running  quickstart-77777777  ra-rlhf-s0 24/60  CVaR −2.51  3/5  2 m left
          ✓ done     quickstart-1a2b3c4d  ra-rlhf-s0 60/60  CVaR −2.51  5/5  3 h ago
          ✗ failed   quickstart-0badc0de  rlhf-s0 12/60                 2/5  28 h ago

      what happens to the tail
      started 3 m ago, 2026-11-23 11:57 UTC








      Enter keep  Esc show all  Ctrl-C quit"
    `);
  });
});

describe("the form", () => {
  const form = afterKeys(launcher, "tab", "n");
  test("at 80 × 24", () => {
    expect(frameOf(form, small)).toMatchInlineSnapshot(`
      "New run of quickstart  SFT, RLHF and risk-averse RLHF on the built-in model, an…
        arms    [x] sft  [x] rlhf  [x] rlhf-kl  [x] ra-rlhf  [x] hard-kl  [ ] base
                [ ] random-drop
        seeds   0               one trial for each arm and seed
        α       0.4             worst fraction that counts
        n       5               iterations 1 to n + 1 keep all
        ρ       0.95            fraction of M until α is reached
        M       60              iterations
        β       0.4             weight of the KL at the start
        lr      0.0002          learning rate of the policy
        batch   64              episodes per iteration
        compl.  1               completions per prompt
        data    builtin         builtin, file, folder or hub id
        model   builtin         policy: builtin, folder or hub id
        reward  builtin         its model: builtin, folder, hub id
        trials  0               in parallel; 0: by cores and GPUs
        backend ‹ local ›       where the worker runs
        device  ‹ auto ›        auto: a GPU where there is one
      ▸ Start  Enter  5 trials, 2 side by side, about 4 m 50 s
      ⠒⠒⠒⠒⠒⠒ ra-rlhf: 64 before iteration 8, then fewer, 26 of 64 from 58 on
      ⠒⠒ ⠒⠒  rlhf, rlhf-kl, hard-kl: all 64

      ? help  Esc back  Enter start the run  ↑ settings  Ctrl-C quit"
    `);
  });
  test("at 140 × 50", () => {
    expect(frameOf(form, large)).toMatchInlineSnapshot(`
      "averse · risk-averse fine-tuning

      New run of quickstart  SFT, RLHF and risk-averse RLHF on the built-in model, and what happens to the tail

        arms    [x] sft  [x] rlhf  [x] rlhf-kl  [x] ra-rlhf            Episodes kept of 64, over 60 iterations →
                [x] hard-kl  [ ] base  [ ] random-drop                   │⠉⠉⠉⠉⠉⠉⠉⠉⠒⠭⠭⢄⣉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉
        seeds   0               one trial for each arm and seed        60┤             ⠉⠒⠒⠢⢄⣀
        α       0.4             worst fraction that counts               │                   ⠉⠉⠑⠢⢄⣀⣀
        n       5               iterations 1 to n + 1 keep all           │                          ⠉⠑⠢⠤⠤⣀
        ρ       0.95            fraction of M until α is reached         │                                ⠉⠉⠑⠒⠤⣀⣀⡀
        M       60              iterations                               │                                       ⠈⠑⠒⠤⠤⢄⡀
        β       0.4             weight of the KL at the start          40┤                                             ⠈⠉⠒⠒⠤⢄⡀
        lr      0.0002          learning rate of the policy              │                                                   ⠈⠉⠉⠒⠤⢄⣀⣀
        batch   64              episodes per iteration                   │                                                           ⠉⠉⠉⠑⠢⠤⣀⣀⡀
        compl.  1               completions per prompt                   │                                                                   ⠈⠑⠒⠒⠒
        data    builtin         builtin, file, folder or hub id        20┤
        model   builtin         policy: builtin, folder or hub id        │
        reward  builtin         its model: builtin, folder, hub id       │
        trials  0               in parallel; 0: by cores and GPUs        │
        backend ‹ local ›       where the worker runs                    │
        device  ‹ auto ›        auto: a GPU where there is one          0┤
                                                                         └───────────┴───────────┴───────────┴───────────┴───────────┴───────────┴
      ▸ Start  Enter  5 trials, 2 side by side, about 4 m 50 s                      10          20          30          40          50          60
                                                                       ⠒⠒⠒⠒⠒⠒ ra-rlhf: 64 before iteration 8, then fewer, 26 of 64 from 58 on
                                                                       ⠒⠒ ⠒⠒  rlhf, rlhf-kl, hard-kl: all 64























      ? help  Esc back  Enter start the run  ↑ settings  Ctrl-C quit"
    `);
  });
  test("at 60 × 15", () => {
    expect(frameOf(form, least)).toMatchInlineSnapshot(`
      "New run of quickstart  SFT, RLHF and risk-averse RLHF on th…
        ⋮ 6 more
        β       0.4             weight of the KL at the start
        lr      0.0002          learning rate of the policy
        batch   64              episodes per iteration
        compl.  1               completions per prompt
        data    builtin         builtin, file, folder or hub id
        model   builtin         policy: builtin, folder or hub id
        reward  builtin         its model: builtin, folder, hub id
        trials  0               in parallel; 0: by cores and GPUs
        backend ‹ local ›       where the worker runs
        device  ‹ auto ›        auto: a GPU where there is one
      ▸ Start  Enter  5 trials, 2 side by side, about 4 m 50 s
      ? help  Esc back  Enter start the run  ↑ settings"
    `);
  });
  test("with a wrong setting, in the words of averse run", () => {
    const wrong = afterKeys(form, "page-up", "down", "down", "ctrl-u", "text:1.5");
    expect(frameOf(wrong, small)).toMatchInlineSnapshot(`
      "New run of quickstart  SFT, RLHF and risk-averse RLHF on the built-in model, an…
        arms    [x] sft  [x] rlhf  [x] rlhf-kl  [x] ra-rlhf  [x] hard-kl  [ ] base
                [ ] random-drop
        seeds   0               one trial for each arm and seed
      ▸ α       1.5▏ *          worst fraction that counts
        n       5               iterations 1 to n + 1 keep all
        ρ       0.95            fraction of M until α is reached
        M       60              iterations
        β       0.4             weight of the KL at the start
        lr      0.0002          learning rate of the policy
        batch   64              episodes per iteration
        compl.  1               completions per prompt
        data    builtin         builtin, file, folder or hub id
        model   builtin         policy: builtin, folder or hub id
        reward  builtin         its model: builtin, folder, hub id
        trials  0               in parallel; 0: by cores and GPUs
        backend ‹ local ›       where the worker runs
        device  ‹ auto ›        auto: a GPU where there is one
        Start  not with these settings:
        --set risk.alpha=1.5: risk.alpha: found 1.5, expected a number over 0 and at
        most 1. The default is \`alpha: 0.4\` (α: the worst fraction of episodes that
        counts).
      ? help  Esc back  Enter next setting  Ctrl-U empty it  PgDn to Start"
    `);
  });
});

test("help", () => {
  expect(frameOf(afterKeys(launcher, "?"), small)).toMatchInlineSnapshot(`
    "averse · risk-averse fine-tuning

    HELP: experiments and runs
    A run trains the arms of an experiment and continues without this window.
    Open a run to watch it; leave the view with q, come back at any time.

    ?              this help
    q Ctrl-C       leave averse; runs continue
    Enter          open: a run's dashboard, an experiment's form
    n              a new run of the chosen experiment
    ↑ k            one up
    ↓ j            one down
    PgUp           ten up
    PgDn           ten down
    Home g         to the first
    End G          to the last
    Tab Shift-Tab  between experiments and runs
    /              show only what holds a word
    c              mark a run to compare; on a marked one: compare
    Space          take a run's mark back
    Esc            clear filter, then marks
    r              rename a run: its title; the folder keeps its name
    Esc close  ↓ more"
  `);
});
