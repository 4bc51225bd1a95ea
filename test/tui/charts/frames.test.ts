/** What the charts look like: frames to be read. */
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { keptEpisodes } from "../../../src/risk/annealing/schedule.js";
import { fanChart } from "../../../src/tui/charts/fan-chart.js";
import { lineChart } from "../../../src/tui/charts/line-chart.js";
import { progressBar } from "../../../src/tui/charts/progress-bar.js";
import { sparkline } from "../../../src/tui/charts/sparkline.js";
import { stepPlot } from "../../../src/tui/charts/step-plot.js";
import { tailHistogram } from "../../../src/tui/charts/tail-histogram.js";
import { lineText } from "../drawn.js";
import { frame } from "./all-charts.js";

const rich = { unicode: true, color: false };
const ascii = { unicode: false, color: false };
const xs = Array.from({ length: 100 }, (_, step) => step);
const wave = xs.map((x) => (x >= 40 && x < 48 ? null : 2 * Math.sin(x / 15)));
const other = xs.map((x) => x / 50 - 1);

describe("lineChart", () => {
  const chart = {
    series: [
      { xs, ys: wave, look: { color: "cyan" as const } },
      { xs, ys: other, look: { dim: true }, dash: 1 },
    ],
    x: null,
    marker: 70,
    reference: 1.5,
  };

  test("with another curve behind, a gap, a marker and a reference", () => {
    expect(frame(lineChart(chart, { width: 60, height: 11, style: rich }))).toMatchInlineSnapshot(`
      "  │        ⣀⠤⠔⠊⠉⠉⠉⠉⠒⠤⣀⡀                    ┊                |
        │┄┄┄┄┄⢀⡠⠊┄┄┄┄┄┄┄┄┄┄┄⠈⠢⣀┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄|
       1┤   ⢀⠔⠁                ⠉                 ┊       ⢀⣀ ⡠⠤ ⠤⠒ |
        │ ⡠⠔⠁                                ⣀⣀ ⠤⠤ ⠒⠒ ⠉⠉ ⠁      ⡠⠊|
       0┤⠊                     ⢀ ⣀⡠ ⢤⠔ ⠒⠒ ⠉⠉     ┊            ⡠⠊  |
        │         ⣀⣀ ⡠⠤ ⠤⠒ ⠒⠉ ⠉⠁     ⠑⢄          ┊          ⡠⠊    |
      −1┤⠤⠤ ⠒⠒ ⠊⠉                      ⠑⠢⡀       ┊        ⡠⠊      |
        │                                ⠈⠢⣀⡀    ┊     ⣀⠔⠊        |
        │                                   ⠈⠒⠤⢄⣀⣀⣀⣀⠤⠒⠉           |
        └┴──────────┴───────────┴──────────┴──────────┴───────────|
         0         20          40         60    ▴70  80           |"
    `);
    expect(frame(lineChart(chart, { width: 60, height: 11, style: ascii }))).toMatchInlineSnapshot(`
      "  |        __-|''''--__                    :                |
        |= = = ||' = = = = ='-_= = = = = = = = = = = = = = = = = =|
       1+   _-'               ''                 :       .........|
        | _-'                               ..............     _|'|
       0+-'                    ....._........    :            |'  |
        |         .............      '|          :         _|'    |
      -1+.........                     '|_       :        |'      |
        |                                '-__    :     |-'        |
        |                                   '|-____|-|'           |
        ++----------+-----------+----------+----------+-----------|
         0         20          40         60    ^70  80           |"
    `);
  });

  test("zoomed in", () => {
    const zoomed = { ...chart, x: { from: 60, to: 80 } };
    expect(frame(lineChart(zoomed, { width: 40, height: 8, style: rich }))).toMatchInlineSnapshot(`
      "  │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄|
       1┤               ⣀⣀ ⣀⣀ ⣀⣀ ⣀⣀ ⣀⡠ ⠤⠤ ⠤⠤ ⠤|
       0┤⠒⠊ ⠉⠉ ⠉⠉ ⠉⠉ ⠉⠉    ┊                  |
        │                  ┊                  |
      −1┤                  ┊                  |
        │⠉⠉⠉⠒⠒⠒⠢⠤⠤⠤⠤⠤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒|
        └┴─────────────────┴─────────────────┴|
         60               ▴70               80|"
    `);
  });

  test("in little room", () => {
    const low = frame(lineChart(chart, { width: 24, height: 4, style: rich }));
    expect(low).toMatchInlineSnapshot(`
      " 2.0┤┄⣠⠔⠊⠉⠉⠲⢄┄┄┄┄┄┄┄┄⢀┄⣀|
          │⠚⠁ ⣀⣀ ⡤⠤ ⢔⠒ ⠒⠉ ⠉⢁⡤⠋|
      −2.0┤⠉⠉        ⠙⠦⣄⣀⣠⠴⠋  |
           0       50  ▴70    |"
    `);
  });

  test.each([
    ["one point", [0.25]],
    ["one value over and over", [7, 7, 7, 7]],
    ["nothing", []],
    ["nothing that is a number", [null, Number.NaN, Number.POSITIVE_INFINITY]],
    ["the largest numbers", [-Number.MAX_VALUE, 0, Number.MAX_VALUE]],
    ["tiny numbers", [1e-12, 3e-12, 2e-12]],
  ])("of %s", (name, ys) => {
    const series = [{ xs: ys.map((_, at) => at), ys, look: {} }];
    const drawn = frame(lineChart({ series, x: null }, { width: 32, height: 5, style: rich }));
    expect(`${name}\n${drawn}`).toMatchSnapshot();
  });
});

describe("stepPlot", () => {
  test("shows the schedule done and ahead", () => {
    const schedule = riskSchema.parse({ alpha: 0.4, warmup: 6, rho: 0.9 });
    const plot = {
      valueAt: (m: number) => keptEpisodes(schedule, m, 40, 32),
      iterations: 40,
      x: null,
      y: [0, 32],
      marker: 15,
    };
    expect(frame(stepPlot(plot, { width: 60, height: 10, style: rich }))).toMatchInlineSnapshot(`
      "30┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠓⠒⠒⠦⢤⣀⣀⣀  ┊                                    |
        │                 ⠈⠉⠓⠒⠲⠤ ⣀⣀                               |
        │                    ┊      ⠉⠉ ⠲⠤ ⢤⣀                      |
      20┤                    ┊               ⠉⠙ ⠦⠤ ⣄⣀             |
        │                    ┊                      ⠈ ⠉⠉ ⠉⠙ ⠤⠤ ⠤⠤ |
      10┤                    ┊                                    |
        │                    ┊                                    |
       0┤                    ┊                                    |
        └─────────────┴─────────────┴──────────────┴─────────────┴|
                     10     ▴15    20             30            40|"
    `);
    expect(frame(stepPlot(plot, { width: 60, height: 10, style: ascii }))).toMatchInlineSnapshot(`
      "30+''''''''''|---|___  :                                    |
        |                 ''|-......                              |
        |                    :     .........                      |
      20+                    :             ..........             |
        |                    :                      ..............|
      10+                    :                                    |
        |                    :                                    |
       0+                    :                                    |
        +-------------+-------------+--------------+-------------+|
                     10     ^15    20             30            40|"
    `);
  });
});

describe("tailHistogram", () => {
  const values = xs.map((x) => Number((Math.cbrt(x - 50) + (x % 7) / 10).toFixed(3)));
  const sorted = [...values].sort((a, b) => a - b);
  const chart = {
    values: [...values, null],
    inTail: (at: number) => values[at]! <= sorted[39]!,
    var: sorted[39]!,
    cvar: sorted.slice(0, 40).reduce((sum, one) => sum + one / 40, 0),
  };

  test("marks the tail, VaR and CVaR", () => {
    expect(
      frame(tailHistogram(chart, { width: 60, height: 10, style: rich })),
    ).toMatchInlineSnapshot(`
      "    CVaR ▾      ▾ VaR −1.92                                 |
        │      ┆      │                                      ███  |
      10┤   ▓▓▓▓▓▓    │                                      ███  |
        │   ▓▓▓▓▓▓    │                                ▇▇▇▇▇▇███  |
        │▓▓▓▓▓▓▓▓▓▓▓▓▂▂▂                               █████████▂▂|
       5┤▓▓▓▓▓▓▓▓▓▓▓▓███▁▁▁                      ▁▁▁▆▆▆███████████|
        │▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓███▅▅                  ▁▁█████████████████|
       0┤▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓█████▄▄▄   ▄▄▄      ▄▄▄███████████████████|
        └────────────┴─────────────┴─────────────┴──────────────┴─|
                    −2             0             2              4 |"
    `);
    expect(
      frame(tailHistogram(chart, { width: 60, height: 10, style: ascii })),
    ).toMatchInlineSnapshot(`
      "    CVaR v      v VaR -1.92                                 |
        |      :      |                                      ooo  |
      10+   ######    |                                      ooo  |
        |   ######    |                                ooooooooo  |
        |############ |                                ooooooooo  |
       5+############ooo                            oooooooooooooo|
        |###############ooooo                    ooooooooooooooooo|
       0+###############oooooooo   ooo      oooooooooooooooooooooo|
        +------------+-------------+-------------+--------------+-|
                    -2             0             2              4 |"
    `);
  });

  test("colours the tail, and only it", () => {
    const lines = tailHistogram(chart, { width: 60, height: 10, style: { ...rich, color: true } });
    const parts = lines.flat().filter(({ text }) => /[▓█▁▂▃▄▅▆▇]/.test(text));
    for (const { text, color } of parts) {
      expect(color === "red").toBe(text.includes("▓"));
    }
    expect(new Set(parts.map(({ color }) => color)).size).toBe(2);
  });

  test("of equal returns", () => {
    const equal = { values: [2, 2, 2], inTail: () => true, var: 2, cvar: 2 };
    expect(
      frame(tailHistogram(equal, { width: 40, height: 7, style: rich })),
    ).toMatchInlineSnapshot(`
      "          CVaR 2.00 ▾ VaR 2.00          |
       │               ▓▓▓▓                   |
      2┤               ▓▓▓▓                   |
       │               ▓▓▓▓                   |
       │               ▓▓▓▓                   |
      0┤               ▓▓▓▓                   |
        1.8              2.0               2.2|"
    `);
  });
});

describe("fanChart", () => {
  const rows = xs.map((x) => ({
    x,
    q05: -4 + x / 60,
    q25: -2 + x / 60,
    q50: -1 + x / 50,
    q75: x / 50,
    q95: 1 + x / 50,
  }));
  const points = { xs, ys: xs.map((x) => -3 + x / 50) };

  test("shows bands, median, points and the marker", () => {
    const chart = { rows, points, x: null, marker: 33 };
    expect(frame(fanChart(chart, { width: 60, height: 12, style: rich }))).toMatchInlineSnapshot(`
      "  │                   ┊                          ░░░░░░░░░░░|
       2┤                   ┊    ░░░░░░░░░░░░░░░░░░░░░░░░░░░░▒▒▒▒▒|
        │  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒|
        │░░░░░░░░▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒━━━━━━━━━━━━━━━━━━━━━|
       0┤▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒━━━━━━━━━━━━━━━━━━━━━▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒|
        │━━━━━━━━━━━━━━━▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒••••••••|
      −2┤▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░••••••••••••••••••••••░░░░░░░░|
        │░░░░░••••••••••••••••••••••░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░|
        │•••••░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░                 |
      −4┤░░░░░░░░░░░░░░     ┊                                     |
        └┴──────────┴───────────┴──────────┴──────────┴───────────|
         0         20      ▴33 40         60         80           |"
    `);
    expect(frame(fanChart(chart, { width: 60, height: 12, style: ascii }))).toMatchInlineSnapshot(`
      "  |                   :                          ...........|
       2+                   :    ............................:::::|
        |  ............................:::::::::::::::::::::::::::|
        |........::::::::::::::::::::::::::::=====================|
       0+:::::::::::::::=====================:::::::::::::::::::::|
        |===============::::::::::::::::::::::::::::::::::xxxxxxxx|
      -2+:::::::::::::::::::::::::..xxxxxxxxxxxxxxxxxxxxxx........|
        |.....xxxxxxxxxxxxxxxxxxxxxx..............................|
        |xxxxx...................................                 |
      -4+..............     :                                     |
        ++----------+-----------+----------+----------+-----------|
         0         20      ^33 40         60         80           |"
    `);
  });

  test("draws straight on between rows that are far apart", () => {
    const sparse = rows.filter(({ x }) => x % 33 === 0);
    const chart = { rows: sparse, points: { xs: [], ys: [] }, x: null, marker: null };
    const columns = frame(fanChart(chart, { width: 40, height: 10, style: rich })).split("\n");
    expect(columns.join("\n")).toMatchInlineSnapshot(`
      "  │                           ░░░░░░░░░░|
       2┤         ░░░░░░░░░░░░░░░░░░▒▒▒▒▒▒▒▒▒▒|
        │░░░░░░░░░▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒━━━━━━━━━|
       0┤▒▒▒▒▒▒▒▒▒━━━━━━━━━━━━━━━━━━━▒▒▒▒▒▒▒▒▒|
        │━━━━━━━━━▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░|
      −2┤▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░░░░░░░░░░░░░░░░░░|
        │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░    |
      −4┤░░░░░░░░░░░                          |
        └┴─────────────────┴──────────────────|
         0                50                  |"
    `);
  });
});

describe("in one row", () => {
  test("a curve", () => {
    expect(`${sparkline(wave, 50, rich)}|`).toMatchInlineSnapshot(
      `"▅▅▆▆▇▇▇██████████▇▇▇    ▄▄▃▃▂▂▁▁▁▁▁▁▁▁▁▁▁▂▂▃▃▄▄▅▅▆|"`,
    );
    expect(`${sparkline(wave, 50, ascii)}|`).toMatchInlineSnapshot(
      `"==++***##########***    ~~--..___________..--~~==+|"`,
    );
  });

  test("progress", () => {
    const bars = [null, 0, 0.25, 1, 7].map((share) => lineText(progressBar(share, 20, rich)));
    expect(bars.join("\n")).toMatchInlineSnapshot(`
      "╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
      ────────────────────
      ━━━━━───────────────
      ━━━━━━━━━━━━━━━━━━━━
      ━━━━━━━━━━━━━━━━━━━━"
    `);
  });
});
