/** What a reader does with curves: find them, put them on a log axis; and the best beside the worst. */
import { describe, expect, test } from "vitest";
import { lineChart } from "../../../../src/tui/charts/line-chart.js";
import { foundCharts } from "../../../../src/tui/dashboard/panels/training-figures.js";
import { lineText, rich } from "../../drawn.js";
import { frameOf, midway } from "../sample-scene.js";

const middle = { columns: 120, rows: 40 };
const { steps } = midway.trials[1]!;
const view = { steps, other: null, iteration: null, klTarget: null, alpha: 0.4 };
const found = (pattern: string) => foundCharts(steps, pattern, view, rich);

describe("figures by regular expression", () => {
  test.each([
    ["^kl", ["kl_mean"]],
    ["CVAR|VaR", ["cvar", "var"]],
    ["loss", ["loss_value", "loss_policy"]],
    ["no such", []],
    // Still being typed.
    ["kl(", []],
    ["", undefined],
  ])("%j", (pattern, expected) => {
    expect(found(pattern)).toEqual(expected ?? foundCharts(steps, "", view, rich));
  });

  test("stand in the panel, with the pattern in its title", () => {
    const filters = { tail: "", events: "", training: "policy" };
    const frame = frameOf(middle, { view: { focus: "training", full: true, filters } });
    expect(frame).toMatch(/2 Training .*\/policy\//);
    expect(frame).toContain("policy loss");
    expect(frame).not.toContain("entropy");
    const none = { ...filters, training: "zzz" };
    expect(frameOf(middle, { view: { focus: "training", full: true, filters: none } })).toContain(
      "No figure has such a name",
    );
  });
});

test("a log axis goes by powers of ten, and leaves out what has none", () => {
  const xs = [1, 2, 3, 4, 5];
  const draw = (ys: number[]) =>
    lineChart(
      { series: [{ xs, ys, look: {} }], x: null, isLog: true },
      { width: 40, height: 12, style: rich },
    )
      .map(lineText)
      .join("\n");
  const text = draw([0.01, 1, 100, -5, 10_000]);
  for (const tick of ["0.01┤", "1┤", "100┤", "10000┤"]) expect(text).toContain(tick);
  expect(draw([-1, 0, -1, 0, -1])).toContain("nothing over 0 for a log axis");
});

test("the best stand beside the worst where there is room, and v changes places", () => {
  const open = { focus: "tail", full: true } as const;
  const row = (best: boolean) =>
    frameOf(middle, { view: { ...open, best } })
      .split("\n")
      .find((line) => line.includes("Iteration"))!;
  expect(row(false)).toMatch(/worst 1 to \d+ of 64.*best 1 to \d+ of 64/);
  expect(row(true)).toMatch(/best 1 to \d+ of 64.*worst 1 to \d+ of 64/);
});

test("the worker's output has a panel, and says whose it is", () => {
  const frame = frameOf(middle, { view: { focus: "log", bottom: "log" } });
  expect(frame).toMatch(/5 Events ━▸6 Log {2}worker of ra-rlhf-s0 {2}1 to 2 of 2, following/);
  expect(frame).toContain("a warning of a library");
});
