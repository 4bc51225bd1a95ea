/** The panels as they stand on a screen of 80 × 24 and one of 140 × 50: frames to be read. */
import type { ReactNode } from "react";
import { describe, expect, test } from "vitest";
import type { LogLine } from "../../../../src/run-model/run-model.js";
import { whatIf } from "../../../../src/run-model/what-if.js";
import { Header } from "../../../../src/tui/dashboard/header.js";
import {
  promptVisits,
  returnQuantiles,
} from "../../../../src/tui/dashboard/panels/episodes-of-step.js";
import { EventLog, eventRange } from "../../../../src/tui/dashboard/panels/event-log.js";
import { RiskPanel, riskSetting } from "../../../../src/tui/dashboard/panels/risk-panel.js";
import { TailPanel } from "../../../../src/tui/dashboard/panels/tail-panel.js";
import { TrainingPanel } from "../../../../src/tui/dashboard/panels/training-panel.js";
import { questionText, WhatIfPanel } from "../../../../src/tui/dashboard/panels/what-if-panel.js";
import { PhaseLine } from "../../../../src/tui/dashboard/phase-line.js";
import { iterations, runOf, sampleRun, textsOf } from "../../../run-model/sample-run.js";
import { ascii, drawn, lineText, rich } from "../../drawn.js";

const draw = (node: ReactNode, style = rich): string =>
  drawn(node, { columns: 200, rows: 60 }, style);

/** What the header, the phase line and the keys leave of 80 × 24, and of 140 × 50. */
const small = { width: 80, height: 17 };
const large = { width: 140, height: 44 };

const { config, events, trial } = sampleRun(7, 45);
const rival = sampleRun(8, iterations);
const { episodes } = events[40]!;
const { head } = trial.steps[40]!;

const gpu = { load: 0.78, memory_used_bytes: 12.4e9, memory_total_bytes: 139e9 };
const header = {
  run: runOf([rival.trial, trial]),
  readable: true,
  trial,
  step: { ...trial.steps.at(-1)!.head, gpu },
  live: true,
  backend: "local",
  elapsed: 132,
  eta: 31,
};

describe("the header", () => {
  test("at 80 columns", () => {
    const size = { width: 80, height: 3 };
    expect(draw(<Header {...header} {...size} />)).toMatchInlineSnapshot(`
      "quickstart  ▶ running  ra-rlhf seed 7 (2/2)  on local · cuda:0 NVIDIA H200
      iteration 45/60  ━━━━━━━━━━━━━━━━━━━──────  75 %  2 m 12 s gone  about 31 s left
      32 episodes/s  1.02 k tokens/s  worker 1.24 GB  GPU 78 %, 12.4 GB of 139 GB"
    `);
  });

  test("at 140 columns", () => {
    const size = { width: 140, height: 3 };
    expect(draw(<Header {...header} {...size} />)).toMatchInlineSnapshot(`
      "quickstart  ▶ running  ra-rlhf seed 7 (2/2)  on local · cuda:0 NVIDIA H200
      iteration 45/60  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━──────────  75 %  2 m 12 s gone  about 31 s left
      32 episodes/s  1.02 k tokens/s  worker 1.24 GB  GPU 78 %, 12.4 GB of 139 GB"
    `);
  });

  test("in one row", () => {
    expect(draw(<Header {...header} {...{ width: 80, height: 1 }} />)).toMatchInlineSnapshot(
      `"quickstart  ▶ running  ra-rlhf seed 7 (2/2)  iteration 45/60  75 %  about 31 s …"`,
    );
  });

  test("of a paused run that is looked back on, in ASCII", () => {
    const past = {
      ...header,
      run: { ...header.run, state: "paused" as const },
      step: head,
      live: false,
      eta: null,
    };
    expect(draw(<Header {...past} {...{ width: 80, height: 3 }} />, ascii)).toMatchInlineSnapshot(`
      "quickstart  = paused  ra-rlhf seed 7 (2/2)  on local, cuda:0 NVIDIA H200
      iteration 45/60  ###############.....  75 %  < at 41, Esc: newest  2 m 12 s gone
      32 episodes/s  1.03 k tokens/s  worker 1.24 GB"
    `);
  });

  test("says that a paused run still has something in hand, and that it cannot be read", () => {
    const state = (changes: object) =>
      draw(<Header {...{ ...header, ...changes }} {...{ width: 80, height: 3 }} />);
    const paused = { ...header.run, state: "paused" as const };
    expect(state({ run: { ...paused, inHand: [trial.id] } })).toContain("‖ pausing");
    expect(state({ run: paused })).toContain("‖ paused");
    expect(state({ readable: false })).toContain("✗ unreadable");
  });

  test("names the key that goes on from a step looked back on only where there is room", () => {
    const past = { ...header, step: head, live: false };
    const line = (width: number) =>
      draw(<Header {...past} {...{ width, height: 2 }} />).split("\n")[1];
    expect(line(100)).toContain("◀ at 41, Esc: newest  2 m 12 s gone  about 31 s left");
    expect(line(80)).toContain("◀ at 41  2 m 12 s gone  about 31 s left");
    expect(line(40)).toContain("◀ at 41  about");
  });

  test("a GPU's load is left out where it cannot be read, and a GPU where there is none", () => {
    const costs = (changes: object) =>
      draw(<Header {...{ ...header, ...changes }} {...{ width: 80, height: 3 }} />)
        .split("\n")
        .at(-1);
    const { gpu: _, ...older } = header.step;
    const ready = { ...trial, worker: { ...trial.worker!, gpu: { ...gpu, load: 0 } } };
    expect(
      [
        costs({ step: { ...header.step, gpu: { ...gpu, load: null } } }),
        costs({ step: null, trial: ready }),
        costs({ step: { ...header.step, gpu: null } }),
        costs({ step: older }),
      ].join("\n"),
    ).toMatchInlineSnapshot(`
      "32 episodes/s  1.02 k tokens/s  worker 1.24 GB  GPU 12.4 GB of 139 GB
      worker 1 GB  GPU 0 %, 12.4 GB of 139 GB
      32 episodes/s  1.02 k tokens/s  worker 1.24 GB
      32 episodes/s  1.02 k tokens/s  worker 1.24 GB"
    `);
  });

  test("before anything is known", () => {
    const nothing = { trial: null, step: null, backend: null, elapsed: 0.4, eta: null };
    const input = { ...header, ...nothing, run: runOf([]) };
    expect(draw(<Header {...input} {...{ width: 80, height: 3 }} />)).toMatchInlineSnapshot(`
      "quickstart  ▶ running
      0.4 s gone
      "
    `);
  });
});

describe("the phase line", () => {
  const readable = { unreadable: null, unread: false };
  const line = (
    changes: Partial<typeof trial>,
    paused = false,
    word: string | null = null,
    held = false,
  ): string => {
    const stopped = word === null ? null : { word, held };
    return draw(
      <PhaseLine
        {...{ trial: { ...trial, ...changes }, paused, stopped, now: 112, ...readable }}
        {...{ width: 70, height: 1 }}
      />,
    );
  };

  test("tells what is in hand, how far it is, and since when", () => {
    const load = { name: "load", done: 0, total: 0, unit: "", since: 108.6 };
    const queue = { ...load, name: "queue", unit: "job 7 PENDING (Priority)" };
    expect(
      [
        line({}),
        line({ phase: load, status: "starting" }),
        line({ phase: queue, status: "starting" }),
        line({ phase: null, status: "starting" }),
        line({ phase: null }),
        line({ status: "waiting" }),
        line({ status: "done" }),
        line({ status: "interrupted" }),
        line({ status: "failed", message: "out of memory:\u001b[2J lower training.minibatch" }),
        draw(
          <PhaseLine
            {...{ trial: null, paused: false, stopped: null, now: 0, ...readable }}
            {...{ width: 70, height: 1 }}
          />,
        ),
      ].join("\n"),
    ).toMatchInlineSnapshot(`
      "update  ━━━━━━━━━━━━━━━─────────  40/64 episodes  12 s
      load  ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  3.4 s
      queue  job 7 PENDING (Priority)  3.4 s
      starting its worker
      between phases
      waiting for its turn
      done
      stopped before its end; averse resume continues it
      failed: out of memory:⟨U+001B⟩[2J lower training.minibatch
      no trial yet"
    `);
  });

  test("of a paused run without anything in hand tells of nothing that goes on", () => {
    const save = { name: "save", done: 0, total: 1, unit: "checkpoints", since: 108.6 };
    expect(line({ phase: save }, true)).toBe("paused; p continues");
    expect(line({ phase: null }, true)).toBe("paused; p continues");
  });

  test("of a run whose controller died says so, and how it goes on, but for trials that are over", () => {
    const words = "its controller died; `averse resume small-1` continues";
    expect(line({}, false, "small-1")).toBe(words);
    expect(line({ status: "waiting", phase: null }, false, "small-1")).toBe(words);
    expect(line({ status: "done" }, false, "small-1")).toBe("done");
    expect(line({}, false, "a-run-with-a-long-name-of-its-own")).toBe(
      "its controller died; `averse resume` continues",
    );
  });

  test("of a run that another controller has taken up names no command for it", () => {
    const words = "its controller died; the next one is starting";
    expect(line({}, false, "small-1", true)).toBe(words);
    expect(line({ status: "done" }, false, "small-1", true)).toBe("done");
  });

  test("moves every second", () => {
    const at = (now: number): string =>
      draw(
        <PhaseLine
          {...{ trial, paused: false, stopped: null, now, ...readable }}
          {...{ width: 70, height: 1 }}
        />,
      );
    expect(at(112)).not.toBe(at(113));
  });
});

describe("the risk panel", () => {
  const input = {
    config,
    steps: trial.steps,
    step: head,
    episodes,
    previous: events[39]!.episodes,
    quantiles: events.flatMap((one) => returnQuantiles(one.step + 1, one.episodes) ?? []),
    zoom: null,
  };

  test("at 80 × 17", () => {
    expect(draw(<RiskPanel {...input} {...small} />)).toMatchInlineSnapshot(`
      "α' 0.6     kept 39 of 64  VaR 0.4 −0.267    CVaR 0.4 −1.66
      mean of kept −1.05     tail prompts again 5 %
      Schedule  kept, of 64            Returns of iteration 41  ▓ kept
        │⠉⠉⠉⠉⠓⠒⠲⠤⢤⣀⣀       ┊                    CVaR −1.66 ▾         ▾ VaR −0.27
      50┤          ⠈⠉⠉⠓⠒⠦⠤⣄⣀⡀          10┤                 ┆         │▓▓▓  ▄▄▄███
        │                  ┊⠉ ⠓⠒ ⠤⣄ ⣀    │                 ┆         │▓▓▓  ██████▁▁▁
        │                  ┊            5┤                 ┆         │▓▓▓  █████████
       0┤                  ┊             │                 ┆       ▓▓▓▓▓▓  ▓▓▓██████
        └┴───────────────────────────   0┤▓▓▓▓▓▓▓▓▓▓▓   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓██████▇▇
         1                ▴41                          −2              0
      Returns  ░ 5 to 95 %  ▒ 25 to 75 %  ━ median  • CVaR 0.4
        │   ░░░░   ░░░░░░░    ░░░░░░░░░░░░░░░░░░░░  ░░░░░░░░░░░▒░░░░░░░░░░░░░▒▒▒░░░▒░░
       0┤━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
        │•▒••▒•▒•▒••▒•▒•▒••▒•▒••▒•▒•▒••▒•▒•▒••▒•▒••▒•░•░••░•░•░••░•░••░•░•░••░•░•░••░•
      −2┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ ░░░░ ░░░░░░░░░░░░░░░░░ ░░ ░░░░░  ░░░░░░░░░ ░░
        │        ░░░           ░░     ░                      ░               ░░░░
                        10               20               30                 ▴41"
    `);
  });

  test("at 140 × 44", () => {
    expect(draw(<RiskPanel {...input} {...large} />)).toMatchInlineSnapshot(`
      "α' 0.6     kept 39 of 64  VaR 0.4 −0.267    CVaR 0.4 −1.66     mean of kept −1.05     tail prompts again 5 %
      Schedule  kept, of 64                                    Returns of iteration 41  ▓ kept
        │⠉⠉⠉⠉⠉⠉⠉⠓⢦                          ┊                                         CVaR −1.66 ▾                  ▾ VaR −0.27
      60┤        ⠈⠉⠙⠲⣄⣀⡀                    ┊                    │                               ┆                  │              █████
        │              ⠉⢳⣀⣀                 ┊                    │                               ┆                  │         ▃▃▃▃▃█████
        │                 ⠈⠙⠦⠤⣄⡀            ┊                  10┤                               ┆                  ▓▓▓▓▓     ██████████
        │                      ⠹⠤⢤⣀         ┊                    │                               ┆                  ▓▓▓▓▓     ██████████
        │                         ⠈⠓⠒⠦⣄     ┊                    │                               ┆                  ▓▓▓▓▓     ██████████
        │                             ⠘⠒⠲⢤⡀ ┊                   8┤                               ┆                  ▓▓▓▓▓     ██████████
      40┤                                 ⠉⠉⠃⢦                   │                               ┆                  ▓▓▓▓▓     ██████████▄▄▄▄▄
        │                                   ┊⠈⠉ ⠲⣄ ⡀             │                               ┆                  ▓▓▓▓▓     ███████████████
        │                                   ┊      ⠉⢧ ⣀         6┤                               ┆                  ▓▓▓▓▓     ███████████████
        │                                   ┊         ⠈⠙ ⠤⣄      │                               ┆                  ▓▓▓▓▓     ███████████████
        │                                   ┊               ⠒    │                               ┆             ▓▓▓▓▓▓▓▓▓▓     ▓▓▓▓▓██████████
      20┤                                   ┊                   4┤                               ┆             ▓▓▓▓▓▓▓▓▓▓     ▓▓▓▓▓██████████
        │                                   ┊                    │                               ┆             ▓▓▓▓▓▓▓▓▓▓     ▓▓▓▓▓██████████
        │                                   ┊                    │▓▓▓▓▓▓▓▓▓▓                     ┆        ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓     ▓▓▓▓▓██████████
        │                                   ┊                   2┤▓▓▓▓▓▓▓▓▓▓                     ┆        ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓     ▓▓▓▓▓██████████▂▂▂▂▂
        │                                   ┊                    │▓▓▓▓▓▓▓▓▓▓     ▓▓▓▓▓          ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓███████████████
        │                                   ┊                    │▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓     ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓███████████████
       0┤                                   ┊                   0┤▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓     ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓███████████████
        └────────────────┴─────────────────┴────────────────┴    └────────────┴─────────────┴─────────────┴─────────────┴─────────────┴───────────
                        20                 ▴41             60                −3            −2            −1             0             1
      Returns  ░ 5 to 95 %  ▒ 25 to 75 %  ━ median  • CVaR 0.4
        │                                                                                   ░      ░    ░░░░░░░░░░                   ░      ░░░░
       1┤         ░         ░░░░░░░░░░              ░░░░░░░░   ░░░░░     ░░░░░░░░     ░░░░░░░░░░ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
        │░░░░░░░░░░░░░░░ ░░░░░░░░░░░░░░░░    ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ ░░░░░░░░▒▒▒▒░░░░░░░░▒▒▒▒░▒▒▒▒▒▒▒░░░▒▒▒▒░░░░░░▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        │░░░░░░░░░▒░░░░░░░░░░▒▒▒▒░░░▒▒░░░░░░░░░░░░░▒▒░░░░░▒▒░░░░▒▒▒▒▒▒▒░▒▒▒▒▒▒▒▒▒▒▒░▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒━▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        │▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░▒▒━▒▒▒▒▒▒▒━━━▒▒▒▒▒━━▒▒▒▒▒▒▒▒▒━━━━━━━━━━━━━▒▒▒▒━━━━━━━━━━━━━━━━━━━━━━━━━━━━▒━━━━━━━━━━━━━━━
       0┤━━━━━▒▒▒━━━━━━━━━━━━━━━━━━━━━━━▒▒▒▒▒▒▒▒▒▒━━━━▒▒━━▒━━━━━━━▒▒▒━━━━━▒▒━━━━━━━━━▒▒▒▒▒▒▒▒▒▒▒▒▒━━━━▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        │▒▒▒▒▒━━━▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒━━━━━━━━━━▒▒▒▒━━▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░▒▒▒▒▒▒▒▒▒▒▒░░░░▒▒▒▒▒░▒▒▒▒▒▒░░░░░•░▒▒
        │▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░▒▒▒░░░▒▒▒░░░░▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░░░░░░░░░░░░•░░•░░•░░░░░░░░•░░•░░░░░░░░░▒▒░░░░•░░░░░░
      −1┤░░░░░░░░▒▒▒░░░░░░░░░░░•░░░░░░░░░░░░░░•░░░░▒▒▒▒▒▒░•░░░░░░•░░░░░░░░•░░•░░░░░•░░•░░•░░•░░░•░░░░░•░░░░░░░░░░░•░░•░░░░░░░░•░░░•░░░░░░░░░░░░░░░
        │░░░•░░•░░•░░░░░•░░░•░░░░░░░░•░░•░░•░░░░░░░░░░░▒░░░░░░•░░░░░•░░•░░░░░░░░•░░░░░░░░░░░░░░░░░░•░░░░░ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░•░░░░░░░░•
        │•░░░░░░░░░░░•░░░░░░░░░░░░•░░░░░░░░░░░░░░•░░•░░•░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  ░░░░░░░░░░░░░░░░ ░░░░░░░░░•░░░░░░░░░░░░
      −2┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ ░░░░░░░░ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  ░░░░ ░░░░░░░░░░   ░░░░░░░░░░░░░░░░░ ░░░
        │░░░░░░░░░░░░░░░░░░░░░░ ░░░░░░░░░░░░░░ ░░░░░░░░░░░░░░░░░░ ░░░░░░░     ░░░░░░░░░░░░░░░░░░░░░░░░░░    ░░    ░░░░░░░     ░░░░░░░░░░░░░░   ░░░
        │░░░░░░░░░░░░░░░░░░░░░   ░░░░░░░░░░░░░ ░░░░░░░░░░░░░░░░░   ░░░░        ░░░   ░░░░░░░░░░░░░░░░░░░           ░░░░░       ░░░░░░░░░░░░     ░░
      −3┤░░   ░░░░░░░░░░░░░░░░    ░░░░░░ ░░░░   ░░░░░░░░░░░░░░░░    ░                               ░░░              ░           ░░░░░░░░░       ░
        │      ░     ░░░░░░░░        ░     ░    ░░░░░       ░░░                                       ░                            ░░░░░░░
        │                   ░                    ░░                                                                                  ░░░░
        │                                                                                                                            ┊ ░░
        └────────────┴───────────────┴──────────────┴───────────────┴──────────────┴───────────────┴──────────────┴───────────────┴──────────────┴
                     5              10             15              20             25              30             35              40 ▴41         45"
    `);
  });

  test("in ASCII, zoomed", () => {
    const zoomed = { ...input, zoom: { from: 21, to: 41 } };
    expect(draw(<RiskPanel {...zoomed} {...small} />, ascii)).toMatchInlineSnapshot(`
      "alpha' 0.6     kept 39 of 64  VaR 0.4 -0.267    CVaR 0.4 -1.66
      mean of kept -1.05     tail prompts again 5 %
      Schedule  kept, of 64            Returns of iteration 41  # kept
        |'''''|-|___       :                    CVaR -1.66 v         v VaR -0.27
      50+          '''|--|__           10+                 :         |###  oooooo
        |                  :.........    |                 :         |###  oooooo
        |                  :            5+                 :         |###  ooooooooo
       0+                  :             |                 :       ######  ###oooooo
        ++---------------------------   0+###########   ######################oooooooo
         1                ^41                          -2              0
      Returns  . 5 to 95 %  : 25 to 75 %  = median  x CVaR 0.4
        | .............    .........................................................::
       0+=============================================================================
        |x:::x:::x::x:::x:::x...x...x:.x:::x:::x::.x...x..x...x:..x...x...x..x...x.:::
      -2+..........................................  ..................... ..........x
        |                                    ...                  .             ......
                       25                 30                 35                 40 ^41"
    `);
  });

  test("counts the groups whose rewards are all equal, where prompts have several completions", () => {
    const groups = { prompts: 16, completions: 4, equal: 3, spread: 1.5 };
    const step = { ...input.step!, groups };
    const [first, second] = draw(<RiskPanel {...{ ...input, step }} {...small} />).split("\n");
    expect(`${first} ${second}`).toContain("equal groups 3 of 16");
  });

  test("tells why a closed loop holds α', and of uneven weights how much they tell", () => {
    const signals = { effective: 20, effective_next: 19, kl: 10, kl_limit: 9 };
    const step = {
      ...input.step!,
      effective: 20.5,
      annealing: {
        alpha_next: 0.6,
        cause: "held: KL over its limit" as const,
        signals: { ...signals, cvar_slope: null, cvar_slope_error: null },
      },
    };
    const config = {
      ...input.config,
      risk: { ...input.config.risk, annealing: "adaptive" as const },
    };
    const drawn = draw(<RiskPanel {...{ ...input, config, step }} {...large} />);
    expect(drawn).toContain("effective of kept 20.5");
    expect(drawn).toContain("α' held: KL over its limit");
    expect(drawn).toContain("ahead: the fewest");
  });

  test("at 59 × 20, in half of 120 × 40: schedule, histogram and fan", () => {
    const lines = draw(<RiskPanel {...input} {...{ width: 59, height: 20 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "α' 0.6     kept 39 of 64  VaR 0.4 −0.267
      CVaR 0.4 −1.66     mean kept −1.05     tail again 5 %
      Schedule  kept, of 64     Returns of iteration 41  ▓ kept
        │⠉⠉⠉⠓⠲⢤⣀⡀      ┊           CVaR −1.66 ▾      ▾ VaR −0.27
      50┤       ⠉⠙⠲⠤⣄⡀ ┊        10┤           ┆      │▓▓  ▄▄██
        │            ⠉⠓⠂⠤⣄        │           ┆      │▓▓  ████▁▁
        │              ┊   ⠙⠒    5┤           ┆      │▓▓  ██████
        │              ┊          │           ┆     ▓▓▓▓  ▓▓████
       0┤              ┊         0┤▓▓▓▓▓▓▓▓  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓████▇
        └┴────────────────────    └─────────┴──────────┴─────────
         1            ▴41                  −2          0
      Returns  ░ 5 to 95 %  ▒ 25 to 75 %  ━ median  • CVaR 0.4
        │    ░  ░░░░░      ░░░░░░░ ░░░░ ░░░░░░░░░░░░░░░░░░░▒░░░░░
       0┤▒▒▒▒▒▒▒▒▒▒▒━▒▒▒▒▒▒▒▒━▒━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
        │━━━━━━━━━•━▒━━━•━━━━•━▒•▒▒•▒•▒••▒•••▒▒••••▒••••▒••▒▒▒••▒
      −2┤••░•••••░░••░••░•░••░•░░••░░░•░░░░░░•░░ ░░░░░░░░░░••░░░•
        │░░░░░░░░░ ░░░░░ ░░░░░░░ ░░   ░ ░░░░░░░░ ░   ░░  ░░░░░  ░
        │      ░░        ░░                                ░░
        └───────────┴────────────┴───────────┴────────────┴──────
                   10           20          30            ▴41"
    `);
  });

  test("at 49 × 15, in half of 100 × 30: the schedule in a row", () => {
    const lines = draw(<RiskPanel {...input} {...{ width: 49, height: 15 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "α' 0.6     kept 39 of 64  VaR 0.4 −0.267
      CVaR 0.4 −1.66     mean kept −1.05
      tail again 5 %
      Schedule 64 ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠓⠒⠒⠒⠒⠒⠒⠒⠒⠒┊ ⠒⠒ ⠒⠦ ⠤⠤ ⠤ 26
      Returns of iteration 41  ▓ kept
               CVaR −1.66 ▾           ▾ VaR −0.27
      11┤                 ┆           ▓▓▓   ▆▆▆███
        │                 ┆           ▓▓▓   ██████▇▇▇
       0┤▓▓▓▓▓▓▓▓▓▓▓▓   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓██████▄▄
                       −2               0
      Returns  ░ 5–95 %  ▒ 25–75 %  ━ 50 %  • CVaR 0.4
       1.4┤▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░▒▒▒▒▒▒▒▒━▒▒━▒▒━━━▒━━━━━▒━━━━
          │••••••••••••••••••••••••••••••••••••••••••••
      −3.8┤░ ░░░░░ ░░░░ ░░░░░ ░    ░░░░ ░    ░   ░░░  ░
                   10        20       30         ▴41"
    `);
  });

  test("at 39 × 11, in half of 80 × 24: no fan", () => {
    const failed = { ...head, failed: 2 };
    const lines = draw(
      <RiskPanel {...{ ...input, step: failed }} {...{ width: 39, height: 11 }} />,
    );
    expect(lines).toMatchInlineSnapshot(`
      "α' 0.6     kept 39 of 64
      VaR 0.4 −0.267    CVaR 0.4 −1.66
      mean kept −1.05     tail again 5 %
      Schedule 64 ⠉⠉⠉⠉⠉⠉⠉⠉⠙⠒⠒⠒⠒⠒⠒⠒┊ ⠒⠲ ⠤⠤  26
      Returns  ▓ kept  2 failed
            CVaR −1.66 ▾       ▾ VaR −0.27
      10┤              ┆       │▓▓  ▅▅▅██
        │              ┆       │▓▓  █████▄▄
        │              ┆      ▓▓▓▓  ▓▓▓████
       0┤▓▓▓▓▓▓▓▓▓   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓████▆▆
                   −2            0"
    `);
  });

  test("at 60 × 9", () => {
    expect(draw(<RiskPanel {...input} {...{ width: 60, height: 9 }} />)).toMatchInlineSnapshot(`
      "α' 0.6     kept 39 of 64  VaR 0.4 −0.267
      CVaR 0.4 −1.66     mean kept −1.05     tail again 5 %
      Schedule  kept, of 64     Returns of iteration 41  ▓ kept
        │⠉⠉⠉⠓⠒⠦⢤⣀      ┊            CVaR −1.66 ▾      ▾ VaR −0.27
      50┤       ⠈⠉⠙⠒⠦⢤⣀⡀        10┤            ┆      │▓▓  ▅▅██
        │              ┊⠉⠒ ⠤⣄     │            ┆      │▓▓  ████▄▄
        │              ┊          │            ┆     ▓▓▓▓  ▓▓████
       0┤              ┊         0┤▓▓▓▓▓▓▓▓  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓████▆
         1            ▴41                   −2         0"
    `);
  });

  test("during the warm start, when all are kept", () => {
    const early = {
      ...input,
      steps: trial.steps.slice(0, 3),
      step: trial.steps[2]!.head,
      episodes: events[2]!.episodes,
      previous: events[1]!.episodes,
      quantiles: input.quantiles.slice(0, 3),
    };
    expect(draw(<RiskPanel {...early} {...small} />)).toMatchInlineSnapshot(`
      "α' 1       kept 64 of 64  VaR 0.4 −0.510    CVaR 0.4 −1.40
      mean of kept −0.472    tail prompts again –
      Schedule  kept, of 64            Returns of iteration 3  ▓ ≤ VaR (all are kept)
        │⠉⠉ ⠉⠓ ⠲⠤ ⣀⣀                                 CVaR −1.40 ▾      ▾ VaR −0.51
      50┤ ┊        ⠈ ⠉⠓ ⠦⠤ ⣀⡀            │                      ┆     ▂▂▂██
        │ ┊                 ⠉ ⠓⠒ ⠤⣄ ⣀  10┤                      ┆     ▓▓▓██▇▇▇▄▄▄
        │ ┊                             5┤                      ┆  ▓▓▓▓▓▓████████
       0┤ ┊                              │                      ┆  ▓▓▓▓▓▓████████▄▄▄
        └┴───────────────────────────   0┤▓▓▓▓▓▓   ▓▓   ▓▓▓▓▓▓  ▓▓▓▓▓▓▓▓▓███████████▃▃
         ▴3                                 −4             −2              0
      Returns  ░ 5 to 95 %  ▒ 25 to 75 %  ━ median  • CVaR 0.4
        │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▒▒▒▒░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
       0┤━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
        │▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░░░•░░░░░░░░░░▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒•
      −2┤•░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
        │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░              ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
         1                                     2                                    ▴3"
    `);
  });

  test("of a measure that goes by no α: none is shown", () => {
    const { risk } = config;
    const mean = { ...config, risk: { ...risk, measure: "mean" as const } };
    const frame = draw(<RiskPanel {...input} config={mean} width={80} height={17} />);
    expect(frame).not.toContain("α'");
    expect(frame).toContain("Schedule  all 64 kept");
    expect(riskSetting(mean, rich)).toBe("mean");
    expect(riskSetting(config, rich)).toBe("cvar, α 0.4, by return");
  });

  test("before the first step", () => {
    const none = { ...input, steps: [], step: null, episodes: null, previous: null, quantiles: [] };
    expect(draw(<RiskPanel {...none} {...small} />)).toMatchInlineSnapshot(`
      "α' –       kept – of 64   VaR 0.4 –         CVaR 0.4 –
      mean of kept –         tail prompts again –
      Schedule  kept, of 64            Returns of this iteration  not read yet
        │⠉⠉⠉⠉⠓⠒⠲⠤⢤⣀⣀
      50┤          ⠈⠉⠉⠓⠒⠦⠤⣄⣀⡀          1┤
        │                   ⠉⠉⠓⠒⠦⠤⣄⣀⣀   │
        │                               │               no returns yet
       0┤                               │
        └┴───────────────────────────  0┤
         1                               0                    0.5                  1.0
      Returns  ░ 5 to 95 %  ▒ 25 to 75 %  ━ median  • CVaR 0.4
      1.0┤
         │
      0.5┤                               no returns yet
         │
        0┤
          1                                                                          2"
    `);
  });
});

describe("the training panel", () => {
  const input = {
    steps: trial.steps,
    other: { name: "rlhf", steps: rival.trial.steps },
    iteration: 41,
    klTarget: 6,
    alpha: 0.4,
    zoom: null,
    only: null,
  };

  test("at 80 × 17", () => {
    expect(draw(<TrainingPanel {...input} {...small} />)).toMatchInlineSnapshot(`
      "raw reward 0.648   (1.14)                CVaR 0.4 −1.66   (−0.674)
       1.7┤                      ⢀ ⣀⣀ ⠤⡠ ⠔⠢ ⠉  −0.32┤               ⢀ ⣄⢀ ⢠⡀⡼⣠⡀⢠ ⢀⠤ ⠴⣠
          │         ⢀⣀ ⣢⣀⠤⡤⢦⠜⠝⠒⠊⠛⠑⠒⠁⠃               │⢀  ⢢⣤⡀⡰⡀ ⣼⢆⡰⣧⡤⠤⠟⡶⠁⠿⠝⠁⠻⣠⠋⡗⠎ ⠋   ⠁
      −0.5┤⡠⢤⠤⠶⠶⠒⠖⠳⠢⠛⠉⠉ ⠁        ┊             −1.84┤⠎⠙⠒⠉⠛⠉⠛⡟⢴⠋⠈ ⠘         ⠟ ⠁
                     20         ▴41        60                 20          ▴41       60
      KL (target 6) 4.47    (4.50)             β 0.240   (0.240)
      6.4┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⣀⣀⣀⣀⣀⣤⠤⠤⠤┄⠔⠒┄⠒⠒┄⠉⠉  0.259┤                ⢀⣀⣀⣀⣀⠤⠤⠤⠤⠤ ⠒⠒ ⠊⠉
      0.5┤⣀⣀⡠⠤⠤⠤⠤⠴⠒⠒⠒⠒⠊⠉⠉⠉⠉      ┊             0.200┤⣀⣀⣀⠤⠤⠤⠤⠒⠒⠒⠒⠒⠉⠉⠉⠉⠁     ┊
                    20          ▴41        60                 20          ▴41       60
      entropy 3.05    (2.97)                   clip fraction 0.0243  (0.00669)
      4.03┤⠉⠙⠒⠒⠒⠒⠦⠤⠤⠤⢤⡠⣄⣀⣀⣀⡀⡀    ┊             0.100┤⣰⣰ ⣤⡸⢠⡸⣰⡜⣹⣆ ⡀⡖ ⣴⣴⢰⣼⢦⡰⡄⢸ ⡄⢰ ⡸⡄ ⡀⡾
      2.53┤                ⠈⠈⠉⠉⠉⠓⠒⠒⠒⠒ ⠤⠤ ⢄⢄ ⣀  0.001┤⠋⡷⠟⡾⠋⠃⠟⢧⠃⠏⢹⠤⡹⠉⠲⠿⠋⠇⢷⠋⠁⠙⡏⠖⠝⡎ ⠁⠹ ⠹
                     20         ▴41        60                 20          ▴41       60
      value loss 0.429   (0.499)               gradient norm 1.89    (1.50)
      2.10┤⠑⠦⠤⣀⡀                 ┊             1.99┤⢱⢆ ⡄⣧⡀⡦⣼⡀⣠⡀ ⣰⢢⡷⣠⣠⡆⢰⡀⢀⡾⣶⢄⣸⣄ ⡀⢠ ⢧⡀ ⡄
      0.30┤    ⠉⠉⠙⠓⠒⠒⠒⠒⠶⠤⠤⠤⠤⠤⠤⠤⠤⠤⣤⡠⣠⡠ ⣀⣀ ⣀⣀ ⣀  1.04┤⠋⡞⠑⢹⠹⠈⠉ ⠧⢳⠷⠲⠏⠾ ⢱⠏⠸⠏⠱⡜ ⠋⠈⠇⠇ ⠑⠁  ⠈ ⢱
                     20         ▴41        60                 20         ▴41        60"
    `);
  });

  test("at 140 × 44", () => {
    expect(draw(<TrainingPanel {...input} {...large} />)).toMatchInlineSnapshot(`
      "raw reward 0.648   (1.14)                                              CVaR 0.4 −1.66   (−0.674)
         │                                           ┊                ⢄  ⠊⠒      │                      ⢠                    ⢠                   ⡀
      1.5┤                                           ┊ ⡀ ⡀   ⣀⡠ ⢀⠤ ⠑⠜ ⠈⠖     −0.5┤                      ⡞          ⢀     ⢀⡄  ⡜  ⣴  ⢠ ⢀  ⢀⢄  ⡸ ⡄⡰ ⠱
      1.0┤                                        ⢀ ⣀⠎ ⢘⡾⢱⠒⠊    ⠁                │                  ⢠  ⢠⠃       ⢆  ⡜⠑⢤⡰⢄⢀⠎⢸ ⡰⠁ ⣎⠏⡆ ⡜ ⠉⡆ ⠎  ⣠⠃ ⠱⠁
         │                              ⡔⡄ ⣠⠋⠉⠷⣒⠤⠪⠥⠑⠁⢣⡠⠎  ⠃                  −1.0┤      ⡀      ⡄  ⡀ ⡎⣇ ⡸⢀⣀    ⢀⢀⡼⡀ ⡇  ⡇⢀⠎⠔⠢⠓⡇┊⢰⡟ ⡇⡇⡇  ⢱    ⠁
      0.5┤                     ⢀⠜⣀⡀ ⢀⡤⣤⠊⠉⢞⠤⠋⠒        ┊                           │ ⡀  ⢠ ⢱⡼⡀⡄  ⣰⢱ ⢠⢣⣦⠃⡼⡆⡧⠃ ⠱⡰⠑⢖⡹⠁⠸⣋⡸⢣  ⠘⠁    ⢸┊⢸  ⢱⠸
        0┤               ⢀⠎⢠⡜⡝⠒⠮⠜ ⠙⠋⠁                ┊                       −1.5┤⢠⠻⢄⢠⠃⡠⠴⡇⡇⡜⡕⢢⡟⡾⡀⡜⢸⠁⢣⠃⠘⠁  ⢣⢸ ⠈⠃  ⠁  ⠳       ⢸┊⡇  ⠘
         │    ⢠ ⢤⡔⢄⠵⢦⣀⡻⠱⡠⠗⣄⠇⠈                        ┊                           │⡝  ⠉⠒⠁ ⠸⢱⠃⢱ ⠁⢸⠧⢇⡸        ⠃                 ⡷⠁
         │⡴⠑⠒⠭⠓⠊⠁⠈  ⠈     ⠈                          ┊                           │          ⠈  ⠈ ⠈⠇                          ┊
         └──────────┴──────────┴─────────┴──────────┴──────────┴──────────┴      └──────────┴─────────┴──────────┴──────────┴─────────┴──────────┴
                   10         20        30          ▴41       50         60                10        20         30          ▴41      50         60
      KL (target 6) 4.47    (4.50)                                           β 0.240   (0.240)
      6┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⡠⠤┄⠒⠒┄⠉      │                                           ┊             ⣀⣀ ⠤⠔ ⠊
       │                                             ┊   ⢀ ⣀⣀ ⠤⠒ ⠊⠉              │                                           ┊    ⢀⣀ ⠤⠔ ⠒⠉
       │                                          ⣀⣀⣀⠤⠶⠒⠚⠉                   0.24┤                                         ⣀⣀⠤⠒⠒⠉⠉⠁
      4┤                                ⢀⣀⣀⣀⠤⠤⠒⠒⠊⠉⠁  ┊                           │                                ⣀⣀⡠⠤⠔⠒⠊⠉⠉  ┊
       │                        ⢀⣀⠤⠤⠤⠒⠒⠊⠁⠁           ┊                           │                       ⢀⣀⣀⠤⠤⠒⠒⠉⠉           ┊
      2┤               ⢀⡀⣀⣤⠤⠤⠖⠚⠉⠁                    ┊                       0.22┤                ⣀⣀⠤⠤⠔⠊⠉⠁                   ┊
       │         ⣀⠤⠤⠔⠚⠒⠋⠉                            ┊                           │       ⢀⣀⡠⠤⠤⠒⠒⠉⠉                           ┊
       │⣀⠤⠤⠔⠚⠒⠋⠉⠉                                    ┊                       0.20┤⣀⠤⠤⠒⠒⠊⠉⠁                                   ┊
       └──────────┴──────────┴──────────┴───────────┴──────────┴──────────┴      └──────────┴─────────┴──────────┴──────────┴─────────┴──────────┴
                 10         20         30           ▴41       50         60                10        20         30          ▴41      50         60
      entropy 3.05    (2.97)                                                 clip fraction 0.0243  (0.00669)
      4.0┤⠳⠶⠤⢤⣀ ⣀                                    ┊                           │   ⡀         ⡆ ⢠⡗⠒⢹        ⡀  ⡀  ⢠⡀ ⢠  ⢆   ┊     ⢀    ⡆      ⣴
         │     ⠉⠒⠓⠒⠲⠦⠤⣄⣀⣀                            ┊                       0.08┤⢀⡇⢀⡇     ⡀  ⢀⢇ ⡇⣇ ⢀⣿       ⡇  ⣧ ⢰⡸⢱ ⢸⣀ ⠈⡆  ┊     ⢸    ⢣  ⡖⡇ ⢸⠸
      3.5┤             ⠈ ⠉⠉⠉⠲⠴⠤⣀⣤⢄⡀⡀                 ┊                           │⡸⣸⢸⢸ ⢰⢀  ⡇⢀⡀⢸⢸ ⢷⢹ ⡸⡏       ⢣ ⡄⠹⡀⡿⡇⢸ ⡇⣿ ⢠⢳  ⢸     ⡸    ⢸  ⠇⢣ ⡇  ⢸
         │                        ⠉⠙⠤⠶⣤⡠⡤⡀⢀⡀         ┊                       0.06┤⢁⡟⡜⢸ ⡜⣼⣦ ⡇⣸⢣⢸⢸ ⢸⢸ ⡇⢸  ⢀  ⢸⣇⢸⢀⢇ ⢻ ⡇⡎⡇⡇⣟ ⡜⠸⡆ ⢸⡄⡇  ⡀⡇ ⢰⣤ ⢸   ⢸ ⡇  ⡇
         │                               ⠈⠁⠙⠒⠢⠤⠤⣀⣀⣀  ┊                       0.04┤⢸⢸⠃ ⡇⡇⡇⠘⡰⣱⡟⢸⡜⡞⡄⢸⢸ ⠃⠸⡀ ⡜ ⡇⢸⢸⢸⢸⢸ ⡇ ⡇⡇⡇⡇⣿⢠⠃ ⢸ ⢸⢣⢣  ⡇⡇ ⡜⠈  ⡇  ⢸    ⡇
      3.0┤                                        ⠉⠒⠶⠮⠢⣤⢦⡀⣀⡀                     │⡎⢸ ⣄⡇⡇⣧⢰⠁⢿⠃ ⣿⢸⡇⡸⠈   ⡇ ⡇ ⢸⡜ ⢿⡸⢸⢸  ⢣⠇⢹⡇⡇⠉   ⢧⡜⢸⠈⣶⡀⡇⡇ ⡇   ⢣  ⠈
         │                                           ┊   ⠈⠁⠈ ⠊⠢ ⣀⡠           0.02┤⠁⠘ ⠁⢻ ⠻⠃ ⠈  ⠃⠘⢱⡇    ⢇⢻⡀ ⢠⠇ ⠈⣧ ⡟  ⢸ ⠘⢳⠁    ⠸⡇ ⡷⠙⢣⢳⠁ ⠃   ⠘
         │                                           ┊             ⠑⠒ ⠑⠤ ⣀⣀      │    ⠈          ⠃    ⢸⠃⠈⠢⠃   ⡟ ⠁     ⠸      ⠃    ⢸
         └──────────┴──────────┴─────────┴──────────┴──────────┴──────────┴      └──────────┴─────────┴──────────┴──────────┴─────────┴──────────┴
                   10         20        30          ▴41       50         60                10        20         30          ▴41      50         60
      value loss 0.429   (0.499)                                             gradient norm 1.89    (1.50)
      2.0┤⢳⡀                                         ┊                          │⢢      ⢠      ⡆⢠        ⡀  ⢸            ⢠⡀⡄⢀   ⡆          ⡆
         │ ⠳⢄                                        ┊                       1.8┤ ⠣  ⢰  ⢸    ⣄⢰⢣⡾⡀       ⡏⠱ ⡎⡇   ⢀⡆  ⡄   ⡜⢱⠸⣸⡆⡄⢰⡇       ⡜ ⢀⢷
      1.5┤   ⠙⢆                                      ┊                          │ ⡀  ⡜  ⡜⡔⠤⡀ ⠃⣻⢸⠁⡇ ⢀   ⡇⡀⠁  ⡇⢣  ⣸⡜⢣  ⡇   ⣇⠘⡄⡏⠸⣱⢸⢸   ⡼⡀ ⢸  ⢸⠸    ⢀
         │     ⠉⠲⣄                                   ┊                       1.6┤⢠⡇ ⣀⡇⢠ ⡿  ⢱  ⡟⠸⡀⡇ ⡞⡄ ⢰⢱⢷  ⢠⠃⢸ ⢆⢷⠁⢸  ⣼  ⢼⠼ ⡇⣷ ⡟⣾⢸⣦⠓ ⠃⡇ ⡇  ⢸  ⡆  ⢾
      1.0┤       ⠈⠒⠒⠶⠢⣀⡀                             ┊                       1.4┤⡜⢸ ⣟⢇⠏⡆⡇  ⠈⣆⡜  ⡇⢱⢰⡁⢣ ⢸⢸⠈⡆ ⢸⡄⢸⡄⢈⠇ ⢸ ⢸⢹  ⡜  ⢇⠏ ⢸⢹⢸⠃   ⢱ ⠃  ⡎  ⢸   ⡇
         │            ⠈⠙⠉⠒⠤⠔⣄⣠⣀⡀                     ┊                          │⠁⢸ ⣿⠈ ⣷⡇  ⢀    ⡇⠸⡇⡇⢸⠉⣿⡸ ⢱ ⡜⡇⡇⡇⡸   ⣇⠇⠘⣶ ⡇  ⢸┊ ⠸⡇ ⡇   ⠈    ⠇  ⠈⡞  ⡇
      0.5┤                     ⠉⠉⠑⠓⠲⠤⠶⠤⠔⠤⠤⣀⣀⣀⡀ ⣀ ⢀⢀⣀ ┊                       1.2┤ ⠘⣼   ⢿   ⡸    ⢸⡜ ⢣⡇ ⠏⠇ ⠈⠦⠇⢸⠁⢣⡇  ⡄⢻  ⡟⣤⠃   ┊  ⠇ ⠇               ⢱
         │                                 ⠉ ⠈⠉⠉⠉⠓⠉ ⠙⠛⠊⠑⠶⠑⠖⠉ ⠢⠤ ⠒⠢ ⠢⣀ ⠤⠤ ⣀⣀     │  ⡏   ⠸  ⠉⠁    ⠈  ⠘          ⠸   ⠣⡎   ⠘    ┊                    ⠘
         └──────────┴──────────┴─────────┴──────────┴──────────┴──────────┴     └──────────┴──────────┴─────────┴──────────┴──────────┴──────────┴
                   10         20        30          ▴41       50         60               10         20        30          ▴41       50         60"
    `);
  });

  test("at 60 × 20, in half of 120 × 40: every figure with axes", () => {
    const lines = draw(<TrainingPanel {...input} {...{ width: 60, height: 20 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "raw reward 0.648   (1.14)      CVaR 0.4 −1.66   (−0.674)
       1.7┤                ⣀⡀⡠⢄ ⠔⠲   −0.32┤       ⢀  ⢀ ⡄⡀⣄⢸⣠ ⣀⡠ ⢦⠳
          │      ⡀⣀⢀⣄⢤⢄⠾⠓⠊⠋⠚⠘             │⢀⢠⢠⣄⡰⡀⣼⣾⠖⡤⡼⡴⡽⠟⠈⢧⠋⡆⠘⠁ ⠈
      −0.5┤⡠⡴⠤⠖⡶⠓⠜⠋⠁⠁      ┊         −1.84┤⠎⠓⠉⠋⡟⢳⠋⠁ ⠃  ⠁  ⠸ ⠁
           1              ▴41              1             ▴41
      KL → 6 4.47    (4.50)          β 0.240   (0.240)
      6.4┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⣀⣀⠤┄⠔⠒┄⠉  0.259┤               ⢀⣀⡀⠤⠔ ⠚⠉
         │        ⣀⣀⡠⠤⠖⠒⠊⠉⠉               │       ⣀⣀⡠⠤⠔⠒⠊⠉⠉
      0.5┤⣀⡤⠤⠔⠒⠒⠉⠉        ┊          0.200┤⣀⡤⠤⠔⠒⠊⠉⠁       ┊
          1              ▴41               1             ▴41
      entropy 3.05    (2.97)         clip frac 0.0243  (0.00669)
      4.03┤⠑⠓⠢⠤⠤⣄⣀⡀        ┊         0.100┤⣰⡆⡀⡆⣸⢸⢹⡆ ⣴⢰⢠⣆⣾⡄⢸⡀  ⡇ ⢸⢀
          │       ⠉⠉⠑⠒⠢⠦⠤⣀⣀⡀              │⣹⢧⢧⣼⣯⣿⡾⡇ ⣿⣼⡞⣿⢻⠙⣼⣇ ⣼⢸ ⡜⡟
      2.53┤               ⠈⠉⠑⠑⠒ ⠤⢤   0.001┤⠃⡿⠘⠘⠃⠹⠇⡿⠤⠋⡿⠁⠟⡇ ⠹⠟⠃⡏⠈ ⠃⠁
           1              ▴41              1             ▴41
      value loss 0.429   (0.499)     grad norm 1.89    (1.50)
      2.10┤⠱⡄              ┊         1.99┤⠱⣤ ⡆⢠⡇   ⣆⣇ ⡄⡄⢰⣷⣦⡇⢀  ⣇
          │ ⠈⠑⠦⣄⣀          ┊             │⣼⣿⢆⡟⣎⢷⣶⣇⡸⣿⣽⡸⣳⢧⢸⢱⢿⢱⠛⣦ ⠙⢶
      0.30┤      ⠉⠙⠊⠒⠒⠒⠶⠤⠤⠤⠤⠤⢤⡠ ⣀⣀   1.04┤ ⡇⠈⠷⠁⠸⠃⠟⠃⠛⠃⡇⢿⠸⠇⠈⠘⠘    ⠈
           1              ▴41             1              ▴41"
    `);
  });

  test("at 50 × 15, in half of 100 × 30: axes for the first", () => {
    const lines = draw(<TrainingPanel {...input} {...{ width: 50, height: 15 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "raw reward 0.648   (1.14)
       1.7┤                              ⣀⣀⣀⣀⡠ ⢄⡠ ⠢⠔ ⠤⠊
          │             ⣀ ⠤⣢⣀⣀⢤⠤⢦⡴⠊⠭⠓⠒⠛⠛⠊⠒⠊ ⠃
      −0.5┤⣀⠤⠤⠶⠶⠔⠶⢲⠤⠳⠞⠤⠛⠊⠉⠉              ┊
                        20              ▴41           60
      CVaR 0.4 −1.66   (−0.674)
      −0.32┤   ⢀     ⡀  ⢠⣀ ⢞⡄   ⢀⡀⣀⠤⢤⣄⡠⣔⣄⡀⢳⡴⡄⣠⠢ ⣀⠔ ⣀⠜ ⠒⠑
      −1.84┤⠞⠒⠢⠕⠛⠑⠕⢶⠊⢳⠴⡰⠟⠉⠋⠁⠙⠉⠉⠋⠁⠙⠉ ⠁⠉   ⠱⠊ ⠘⠁
                         20             ▴41           60
      KL (target 6)     4.47  ▁▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▆▇▇▇███
      β                0.240  ▁▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▆▇▇▇███
      entropy           3.05  ███▇▇▇▇▆▆▆▅▅▅▅▄▄▄▃▃▃▂▂▂▂▁▁
      clip fraction   0.0243  ▅▆▅▆▂▃▄█▂█▇▁▁▁▅▂▄▆▁▄▆▅▅▃▃▂
      value loss       0.429  █▇▆▅▄▄▃▃▃▂▂▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁
      gradient norm     1.89  ▃▃▄▅▄▇▃▅▅▂▅▃▃▂▁█▁▇▁▄▁▇█▅▃▅"
    `);
  });

  test("at 40 × 11, in half of 80 × 24, the other arm not as far", () => {
    const behind = { ...input, other: { name: "rlhf", steps: rival.trial.steps.slice(0, 30) } };
    const lines = draw(<TrainingPanel {...behind} {...{ width: 40, height: 11 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "raw reward 0.648   (0.519)
       1.18┤               ⣀⣄⡀⢀⣀⣀⣠⣀⡰⠤⠤⠤⠔⠢⠔⠤⠤⠊⠢
      −0.48┤⣀⠤⠤⠶⠦⠔⠶⢢⠤⠢⠔⠤⠓⠋⠉⠉ ⠈⠉           ┊
                         20              ▴41
      CVaR 0.4      −1.66  ▃▃▃▄▄▄▁▄▅▆▅▆▅█▇▇█▂█
      KL → 6         4.47  ▁▁▁▂▂▃▃▃▄▄▅▅▆▆▇▇▇██
      β             0.240  ▁▁▁▂▂▃▃▄▄▄▅▅▆▆▇▇███
      entropy        3.05  ███▇▇▆▆▆▅▅▄▄▃▃▂▂▁▁▁
      clip frac    0.0243  ▆▆▃▃▄▄▄█▂▁▃▄▂▅▅▃▅▃▂
      value loss    0.429  █▇▆▄▄▃▃▂▂▂▂▁▁▁▁▁▁▁▁
      grad norm      1.89  ▅▂▄▇▅▇▁▆▂▅▄▃▅▅▄▃██▄"
    `);
  });

  test("one chart alone, zoomed, in ASCII", () => {
    const one = { ...input, zoom: { from: 11, to: 41 }, only: "kl_mean" as const };
    expect(draw(<TrainingPanel {...one} {...small} />, ascii)).toMatchInlineSnapshot(`
      "KL (target 6) 4.47    (4.50)
      6+= = = = = = = = = = = = = = = = = = = = = = = = = = = = = = = = = = = = = = =:
       |                                                                             :
       |                                                                             :
      5+                                                                             :
       |                                                                            __
       |                                                                  ____--'''' :
      4+                                                          ___---''           :
       |                                                _____---''                   :
       |                                         ____-''                             :
      3+                                _-----'''                                    :
       |                       __---''''.                                            :
      2+               __-----'..                                                    :
       |     __.._--'''..                                                            :
       |__--'..''                                                                    :
       +----------+------------+------------+------------+------------+-----------+---
                 15           20           25           30           35            ^41"
    `);
  });

  test("as sparklines where axes have no room", () => {
    const lines = draw(<TrainingPanel {...input} {...{ width: 60, height: 9 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "raw reward       0.648  ▁▁▂▂▂▄▄▅▆▆▇███  −0.477 to 1.18
      CVaR 0.4         −1.66  ▁▁▂▂▁▄▄▅▅▆▇█▄▆  −1.77 to −0.580
      KL (target 6)     4.47  ▁▁▂▂▃▄▄▅▅▆▇▇██  0.489 to 4.90
      β                0.240  ▁▁▂▂▃▄▄▅▅▆▇▇██  0.200 to 0.244
      entropy           3.05  ██▇▇▆▆▅▄▄▃▃▂▁▁  2.86 to 3.99
      clip fraction   0.0243  ▇▆▃▄▆█▁▃▄▄▆▅▄▃  0.00189 to 0.1000
      value loss       0.429  █▆▅▄▃▃▂▂▁▁▁▁▁▁  0.390 to 2.10
      gradient norm     1.89  ▂▅▆▅▄▅▃▁▆▅▃▅█▅  1.04 to 1.99"
    `);
  });

  test("of an arm alone, at its first step", () => {
    const first = { ...input, steps: trial.steps.slice(0, 1), other: null, iteration: 1 };
    expect(draw(<TrainingPanel {...first} {...small} />)).toMatchInlineSnapshot(`
      "raw reward −0.477                        CVaR 0.4 −1.66
            │┊                                      │┊
      −0.477┤•                                 −1.66┤•
            │┊                                      │┊
             ▴1                             2        ▴1                              2
      KL (target 6) 0.489                      β 0.200
      6.0┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄       │┊
      0.5┤•                                    0.200┤•
          ▴1                                2        ▴1                              2
      entropy 3.99                             clip fraction 0.0605
          │┊                                         │┊
      3.99┤•                                   0.0605┤•
           ▴1                               2         ▴1                             2
      value loss 2.10                          gradient norm 1.36
          │┊                                       │┊
      2.10┤•                                   1.36┤•
           ▴1                               2       ▴1                               2"
    `);
  });
});

describe("the tail browser", () => {
  const input = {
    iteration: 41,
    episodes,
    texts: textsOf(episodes),
    revealed: false,
    filter: "",
    completions: 1,
    grouped: false,
    selected: 2,
    offset: 0,
    history: null,
  };

  test("at 59 × 8, in half of 120 × 40", () => {
    const lines = draw(<TailPanel {...input} {...{ width: 59, height: 8 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "Iteration 41  worst 1 to 4 of 64  texts masked, t reveals
         #  prompt  return  raw reward    KL  tokens  weight
         1     121   −3.83       −2.85  4.95      38    1.00  H·…
         2      66   −3.79       −2.85  4.71      19    1.00  H·…
      ▸  3     140   −3.79       −2.83  4.80      35    1.00  I …
         4      76   −3.40       −2.41  4.98      19    1.00  H·…
      prompt     I t······ t···
      completion a w···· o· t·· h····."
    `);
  });

  test("at 80 × 17, masked", () => {
    expect(draw(<TailPanel {...input} {...small} />)).toMatchInlineSnapshot(`
      "Iteration 41  worst 1 to 10 of 64  texts masked, t reveals
          #  prompt  return  raw reward    KL  tokens  weight
          1     121   −3.83       −2.85  4.95      38    1.00  H·······, t··· → n·· f…
          2      66   −3.79       −2.85  4.71      19    1.00  H·······, t··· → n·· f…
      ▸   3     140   −3.79       −2.83  4.80      35    1.00  I t······ t··· → a w··…
          4      76   −3.40       −2.41  4.98      19    1.00  H·······, t··· → n·· f…
          5      52   −3.27       −2.43  4.16      18    1.00  H·······, t··· → d··· …
          6     228   −3.15       −2.16  4.97      17    1.00  T·· f··· w·· → d··· a·…
          7     281   −3.09       −2.14  4.73      45    1.00  H·······, t··· → a w··…
          8     165   −2.70       −1.74  4.81      33    1.00  A···· a· h···, → a w··…
          9     150   −2.51       −1.66  4.29      31    1.00
         10     203   −2.07       −1.20  4.36      47    1.00
      Episode 57  prompt 140
      prompt     I t······ t···
      completion a w···· o· t·· h····.

      "
    `);
  });

  test("at 140 × 30, revealed", () => {
    const revealed = { ...input, revealed: true };
    const lines = draw(<TailPanel {...revealed} {...{ width: 140, height: 30 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "Iteration 41  worst 1 to 18 of 64  texts revealed                      Iteration 41  best 1 to 18 of 64
          #  prompt  return  raw reward    KL  tokens  weight                   #  prompt  return  raw reward    KL  tokens  weight
          1     121   −3.83       −2.85  4.95      38    1.00  Honestly, …     64      63    1.79        2.64  4.27      37       0
          2      66   −3.79       −2.85  4.71      19    1.00  Honestly, …     63     120    1.56        2.36  4.02      37       0
      ▸   3     140   −3.79       −2.83  4.80      35    1.00  I thought …     62      44    1.40        2.23  4.16      18       0
          4      76   −3.40       −2.41  4.98      19    1.00  Honestly, …     61     261    1.29        2.12  4.15      39       0
          5      52   −3.27       −2.43  4.16      18    1.00  Honestly, …     60     183    1.25        2.09  4.17      26       0
          6     228   −3.15       −2.16  4.97      17    1.00  The film w…     59      76    1.21        2.09  4.40      46       0
          7     281   −3.09       −2.14  4.73      45    1.00  Honestly, …     58     268    1.15        1.96  4.04      24       0
          8     165   −2.70       −1.74  4.81      33    1.00  After an h…     57      63    1.14        1.95  4.07      18       0
          9     150   −2.51       −1.66  4.29      31    1.00                  56     150    1.10        1.94  4.20      26       0
         10     203   −2.07       −1.20  4.36      47    1.00                  55      66    1.08        2.00  4.61      35       0
         11      70   −1.62       −0.65  4.84      29    1.00                  54     148    1.00        1.92  4.59      34       0
         12     113   −1.44       −0.47  4.80      24    1.00                  53     106    0.97        1.88  4.55      42       0
         13     261   −1.29       −0.47  4.09      31    1.00                  52     283    0.96        1.80  4.19      37       0
         14     283   −1.05       −0.14  4.54      22    1.00                  51       8    0.95        1.89  4.70      28       0
         15     270   −1.00       −0.16  4.24      22    1.00                  50       8    0.95        1.79  4.24      31       0
         16     142   −0.79        0.17  4.83      47    1.00                  49     149    0.92        1.79  4.33      37       0
         17       8   −0.69        0.24  4.63      25    1.00                  48     275    0.89        1.82  4.64      38       0
         18      41   −0.58        0.33  4.57      18    1.00                  47     142    0.88        1.69  4.06      24       0
      Episode 57  prompt 140
      prompt     I thought that
      completion a waste of two hours.






      "
    `);
  });

  test("filtered, scrolled, in ASCII", () => {
    const filtered = { ...input, filter: "weight>0 kl<4.5", selected: 12, offset: 0 };
    expect(draw(<TailPanel {...filtered} {...small} />, ascii)).toMatchInlineSnapshot(`
      "Iteration 41  worst 4 to 13 of 16 of 64 with "weight>0 kl<4.5"  texts masked
          #  prompt  return  raw reward    KL  tokens  weight
         13     261   -1.29       -0.47  4.09      31    1.00
         15     270   -1.00       -0.16  4.24      22    1.00
         20     229   -0.47        0.35  4.09      35    1.00
         23     116   -0.32        0.49  4.05      42    1.00
         25     175   -0.29        0.61  4.47      45    1.00
         26     265   -0.27        0.61  4.37      36    1.00
         27      16   -0.20        0.68  4.36      39    1.00
         30       8   -0.12        0.70  4.11      16    1.00
         31     181   -0.07        0.79  4.31      43    1.00
      >  33       5    0.23        1.08  4.22      32    1.00
      Episode 5  prompt 5
      its text was not kept for reading


      "
    `);
  });

  test("with a prompt's history", () => {
    const prompt = 140;
    const history = events.flatMap((one) => promptVisits(one.step + 1, one.episodes, prompt));
    const detail = { ...input, history };
    expect(draw(<TailPanel {...detail} {...small} />)).toMatchInlineSnapshot(`
      "Episode 57  lines 1 to 16 of 28  texts masked, t reveals
      rank 3  return −3.79  raw reward −2.83  KL 4.80  tokens 35  weight 1.00
      Prompt
      I t······ t···
      Completion
      a w···· o· t·· h····.

      Prompt 140  drawn 9 times in the iterations read, newest first
         iteration  return  raw reward    KL  tokens  weight
      ▸         41   −3.79       −2.83  4.80      35    1.00
                39    0.37        1.13  3.83      18       0
                39   −3.29       −2.35  4.69      35    1.00
                35    0.05        0.85  4.00      26    1.00
                34   −0.23        0.51  3.68      44    1.00
                27    0.08        0.63  2.77      24    1.00
                25   −2.01       −1.42  2.94      31    1.00
                 9   −0.15        0.12  1.31      40    1.00"
    `);
  });

  test("where nothing matches, and before there is anything", () => {
    const frames = [
      draw(<TailPanel {...{ ...input, filter: "nowhere" }} {...small} />),
      draw(<TailPanel {...{ ...input, iteration: null, episodes: null }} {...small} />),
      draw(<TailPanel {...{ ...input, episodes: null }} {...small} />),
    ];
    expect(frames.join("\n")).toMatchInlineSnapshot(`
      "Iteration 41  no episode of 64 with "nowhere"  texts masked, t reveals
        #  prompt  return  raw reward  KL  tokens  weight















      no iteration yet: the worst episodes of each show here
















      the episodes of iteration 41 are not read yet















      "
    `);
  });
});

describe("what if", () => {
  const actual = { ...config.risk, alpha: head.alpha };
  const question = { ...config.risk, alpha: 0.2, measure: "cvar-gradient" as const };
  const past = { step: 40, seed: 7, episodes, completions: 1, promptScores: null };
  const answer = whatIf(past, question);
  const input = { iteration: 41, episodes, question, actual, answer, offset: 0 };

  test("at 80 × 17", () => {
    expect(draw(<WhatIfPanel {...input} {...small} />)).toMatchInlineSnapshot(`
      "              the run        what if     Weights  1 to 15 of 39
           measure     cvar  cvar-gradient         #  prompt  return   run    if
                 α      0.6            0.2     =  62     121   −3.83  1.00  1.59
              kept       39             12     =   2      66   −3.79  1.00  1.56
          VaR at α    0.482         −1.292     =  57     140   −3.79  1.00  1.56
         CVaR at α   −1.055         −2.767     =  14      76   −3.40  1.00  1.32
      mean of kept   −1.055         −2.890     =  34      52   −3.27  1.00  1.24
      kept in both 12  only what-if 0 (+)      =  40     228   −3.15  1.00  1.16
      only run 27 (-)                          =  54     281   −3.09  1.00  1.12
      Returns  ▓ would be kept                 =  39     165   −2.70  1.00  0.88
          CVaR ▾        ▾ VaR −1.29            =  20     150   −2.51  1.00  0.76
      10┤      ┆        │      ▄▄▄  ▄▄██       =  43     203   −2.07  1.00  0.49
        │      ┆        │      ███  ████▁▁     =   3      70   −1.62  1.00  0.21
       5┤      ┆        │    ▂▂███  ██████     =  18     113   −1.44  1.00  0.09
        │      ┆        │  ▃▃█████  ██████     -  46     261   −1.29  1.00     0
       0┤▓▓▓▓▓▓▓▓▓  ▓▓▓▓▓▇▇███████▇▇██████▇▇   -  33     283   −1.05  1.00     0
                   −2           0              -  28     270   −1.00  1.00     0"
    `);
  });

  test("at 140 × 30", () => {
    const lines = draw(<WhatIfPanel {...input} {...{ width: 140, height: 30 }} />);
    expect(lines).toMatchInlineSnapshot(`
      "              the run        what if                                   Weights  1 to 28 of 39
           measure     cvar  cvar-gradient                                       #  prompt  return   run    if
                 α      0.6            0.2                                   =  62     121   −3.83  1.00  1.59
              kept       39             12                                   =   2      66   −3.79  1.00  1.56
          VaR at α    0.482         −1.292                                   =  57     140   −3.79  1.00  1.56
         CVaR at α   −1.055         −2.767                                   =  14      76   −3.40  1.00  1.32
      mean of kept   −1.055         −2.890                                   =  34      52   −3.27  1.00  1.24
      kept in both 12  only what-if 0 (+)  only run 27 (-)                   =  40     228   −3.15  1.00  1.16
      Returns  ▓ would be kept                                               =  54     281   −3.09  1.00  1.12
          CVaR −2.77 ▾                ▾ VaR −1.29                            =  39     165   −2.70  1.00  0.88
        │            ┆                │                       ████           =  20     150   −2.51  1.00  0.76
        │            ┆                │           ▃▃▃▃    ▃▃▃▃████           =  43     203   −2.07  1.00  0.49
      10┤            ┆                │           ████    ████████           =   3      70   −1.62  1.00  0.21
        │            ┆                │           ████    ████████           =  18     113   −1.44  1.00  0.09
        │            ┆                │           ████    ████████           -  46     261   −1.29  1.00     0
       8┤            ┆                │           ████    ████████           -  33     283   −1.05  1.00     0
        │            ┆                │           ████    ████████▄▄▄▄       -  28     270   −1.00  1.00     0
        │            ┆                │           ████    ████████████       -   0     142   −0.79  1.00     0
       6┤            ┆                │           ████    ████████████       -   9       8   −0.69  1.00     0
        │            ┆                │       ▁▁▁▁████    ████████████       -  17      41   −0.58  1.00     0
        │            ┆                │       ████████    ████████████       -  60      82   −0.57  1.00     0
       4┤            ┆                │       ████████    ████████████       -  47     229   −0.47  1.00     0
        │            ┆                │       ████████    ████████████       -  51      30   −0.40  1.00     0
        │▓▓▓▓▓▓▓▓▓   ┆                │   ▇▇▇▇████████    ████████████       -  53      99   −0.32  1.00     0
       2┤▓▓▓▓▓▓▓▓▓   ┆                ▂▂▂▂████████████▂▂▂▂████████████▂▂▂▂   -  42     116   −0.32  1.00     0
        │▓▓▓▓▓▓▓▓▓   ┆▓▓▓▓        ▓▓▓▓████████████████████████████████████   -  44      52   −0.30  1.00     0
        │▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓    ▓▓▓▓▓▓▓▓████████████████████████████████████   -  30     175   −0.29  1.00     0
       0┤▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓    ▓▓▓▓▓▓▓▓████████████████████████████████████   -   7     265   −0.27  1.00     0
        └──────────┴──────────┴──────────┴───────────┴──────────┴─────────   -  24      16   −0.20  1.00     0
                  −3         −2         −1           0          1            -  22      92   −0.17  1.00     0"
    `);
  });

  test("at another share, scrolled, in ASCII", () => {
    const wider = { ...actual, alpha: 0.8 };
    const asked = { ...input, question: wider, answer: whatIf(past, wider), offset: 34 };
    expect(draw(<WhatIfPanel {...asked} {...small} />, ascii)).toMatchInlineSnapshot(`
      "               the run  what if          Weights  35 to 49 of 52
            measure     cvar     cvar              #  prompt  return   run    if
              alpha      0.6      0.8          =  32      56    0.39  1.00  1.00
               kept       39       52          =  58     215    0.42  1.00  1.00
       VaR at alpha    0.482    0.962          =  15     212    0.42  1.00  1.00
      CVaR at alpha   -1.055   -0.589          =  49      71    0.47  1.00  1.00
       mean of kept   -1.055   -0.589          =  41      20    0.48  1.00  1.00
      kept in both 39  only what-if 13 (+)     +  23      34    0.55     0  1.00
      only run 0 (-)                           +  21     106    0.60     0  1.00
      Returns  # would be kept                 +  56      91    0.70     0  1.00
                  CVaR -0.59 v        v VaR    +  16     230    0.72     0  1.00
      10+                    : ###  ##oo       +  55     169    0.73     0  1.00
        |                    : ###  ####       +  63      64    0.78     0  1.00
       5+                    : ###  ####oo     +   4     128    0.86     0  1.00
        |                    #####  ####oo     +  11     142    0.88     0  1.00
       0+#########  ####################oooo   +   1     275    0.89     0  1.00
                   -2           0              +  48     149    0.92     0  1.00"
    `);
  });

  test("at 60 × 8, in half of 120 × 40, and at 80 × 5", () => {
    const frames = [
      draw(<WhatIfPanel {...input} {...{ width: 60, height: 8 }} />),
      draw(<WhatIfPanel {...input} {...{ width: 80, height: 5 }} />),
    ];
    expect(frames.join("\n\n")).toMatchInlineSnapshot(`
      "           the run  what if    Weights  1 to 6 of 39
              α      0.6      0.2       prompt  return   run    if
           kept       39       12    =     121   −3.83  1.00  1.59
      CVaR at α   −1.055   −2.767    =      66   −3.79  1.00  1.56
      mean kept   −1.055   −2.890    =     140   −3.79  1.00  1.56
      kept in both 12                =      76   −3.40  1.00  1.32
      only what-if 0 (+)             =      52   −3.27  1.00  1.24
      only run 27 (-)                =     228   −3.15  1.00  1.16

                 the run  what if              Weights  1 to 3 of 39
           kept       39       12                  #  prompt  return   run    if
      CVaR at α   −1.055   −2.767              =  62     121   −3.83  1.00  1.59
      kept in both 12  only what-if 0 (+)      =   2      66   −3.79  1.00  1.56
      only run 27 (-)                          =  57     140   −3.79  1.00  1.56"
    `);
  });

  test("says in the panel's title what is asked", () => {
    expect(lineText(questionText(41, question, actual, rich))).toBe(
      "iteration 41: cvar-gradient, α 0.2, by return",
    );
    const look = (asked: typeof question | typeof actual) =>
      questionText(41, asked, actual, rich).at(-1);
    expect(look(question)).toMatchObject({ color: "yellow" });
    expect(look(actual)).toMatchObject({ dim: true });
  });

  test("says nothing of α and the statistic where they play no part", () => {
    const plain = { ...actual, measure: "mean" as const };
    const entropic = { ...question, measure: "entropic" as const };
    const words = (asked: typeof entropic | typeof plain) =>
      lineText(questionText(41, asked, plain, rich));
    expect(words(plain)).toBe("iteration 41: mean");
    expect(words(entropic)).toBe("iteration 41: entropic");
    expect(words({ ...plain, measure: "random-drop" as never })).toBe(
      "iteration 41: random-drop, α 0.6",
    );
    const asked = {
      ...input,
      actual: plain,
      question: entropic,
      answer: whatIf(past, entropic),
    };
    const frame = draw(<WhatIfPanel {...asked} width={80} height={9} />);
    expect(frame).not.toMatch(/α|VaR/);
    expect(frame).toMatch(/kept +39 +64/);
  });

  test("without an answer", () => {
    const unknown = { ...question, statistic: "prompt-score" as const };
    const asked = { ...input, question: unknown, answer: whatIf(past, unknown) };
    expect(draw(<WhatIfPanel {...asked} {...small} />)).toMatchInlineSnapshot(`
      "no answer: the scores of this step's prompts are not known here: choose another
      statistic














      "
    `);
  });
});

describe("the event log", () => {
  const levels = ["info", "warning", "error"] as const;
  const log: LogLine[] = Array.from({ length: 30 }, (_, at) => ({
    seq: at + 1,
    time: `2026-11-23T10:10:${String(at).padStart(2, "0")}.000Z`,
    trial: at % 3 === 0 ? null : "ra-rlhf-s7",
    level: levels[at % 3]!,
    text: ["the run began", "2 of 64 rewards failed", "worker lost: silent for 60 s"][at % 3]!,
  }));
  const size = { width: 60, height: 6 };

  const seen = (input: Parameters<typeof eventRange>[0], style: typeof rich): string =>
    `${draw(<EventLog {...input} {...size} />, style)}\n${lineText(eventRange(input, size.height, style))}`;

  test("follows its end", () => {
    expect(seen({ log, filter: "", offset: null }, rich)).toMatchInlineSnapshot(`
      "10:10:24 · the run began
      10:10:25 ! ra-rlhf-s7 2 of 64 rewards failed
      10:10:26 ✗ ra-rlhf-s7 worker lost: silent for 60 s
      10:10:27 · the run began
      10:10:28 ! ra-rlhf-s7 2 of 64 rewards failed
      10:10:29 ✗ ra-rlhf-s7 worker lost: silent for 60 s
      25 to 30 of 30, UTC, following"
    `);
  });

  test("stands where it was paused, filtered, in ASCII", () => {
    expect(seen({ log, filter: "Lost ra-rlhf", offset: 2 }, ascii)).toMatchInlineSnapshot(`
      "10:10:08 x ra-rlhf-s7 worker lost: silent for 60 s
      10:10:11 x ra-rlhf-s7 worker lost: silent for 60 s
      10:10:14 x ra-rlhf-s7 worker lost: silent for 60 s
      10:10:17 x ra-rlhf-s7 worker lost: silent for 60 s
      10:10:20 x ra-rlhf-s7 worker lost: silent for 60 s
      10:10:23 x ra-rlhf-s7 worker lost: silent for 60 s
      3 to 8 of 10 with "Lost ra-rlhf", UTC, held"
    `);
  });
});
