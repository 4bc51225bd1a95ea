import { describe, expect, test } from "vitest";
import type { SweepPoint } from "../../../src/config/schema/sweep.js";
import type { Block } from "../../../src/report/blocks.js";
import { sweepHeatMaps } from "../../../src/report/plots/heat-map.js";
import { paretoPlot, tailAgainstKeys } from "../../../src/report/plots/sweep.js";
import { renderReport } from "../../../src/report/render-report.js";
import { gatherReport } from "../../../src/report/report-data.js";
import { sweepSection } from "../../../src/report/sections/sweep.js";
import { fixtureRun } from "../fixture.js";

const run = fixtureRun({ seeds: [0, 1, 2] });
const [sft, neutral, ...averse] = Object.keys(run.evaluation.arms) as [string, string, ...string[]];

/** The fixture's arms, as if they were points over α and β: all but the second RL arm's corner. */
const points: SweepPoint[] = [
  ...averse.map((arm, at) => ({
    arm,
    of: "ra",
    values: { "risk.alpha": at === 2 ? 0.4 : 0.2, "kl.beta": at === 1 ? 0.3 : 0.1 },
  })),
];
const sweep = {
  keys: ["risk.alpha", "kl.beta"],
  points,
  equal_kl: [],
  pareto: [neutral, averse[0]!],
};
const data = gatherReport({
  ...run,
  evaluation: { ...run.evaluation, sweep },
  run: {
    ...run.run,
    experiment: {
      ...run.run.experiment,
      sweep: { ...run.run.experiment.sweep, points, halving: "tail_reward" },
    },
  },
  events: [
    ...run.events,
    {
      ...{ seq: 9_999, time: "2026-11-23T11:00:00.000Z", trial: null, type: "points_dropped" },
      ...{ seed: 0, metric: "tail_reward", scores: {}, kept: [averse[0]!], dropped: [averse[1]!] },
    },
  ],
});

function tableOf(blocks: readonly Block[]) {
  return blocks.find((block) => block.kind === "table")!;
}

describe("a sweep in the report", () => {
  test("has a row per point with its values, baselines first, and marks the front", () => {
    const { head, rows } = tableOf(sweepSection(data, []));
    expect(head.slice(0, 5)).toEqual(["arm", "risk.alpha", "kl.beta", "front", "seeds"]);
    const cells = rows.map((row) => row.slice(0, 5).map(({ main }) => main));
    expect(cells[0]).toEqual([neutral, "", "", "●", "3"]);
    expect(cells.slice(1)).toEqual([
      ["ra", "0.2", "0.1", "●", "3"],
      ["ra", "0.2", "0.3", "", "3"],
      ["ra", "0.4", "0.1", "", "3"],
    ]);
  });

  test("says what was selected by which figure, and how far to believe the best", () => {
    const text = JSON.stringify(sweepSection(data, []));
    expect(text).toContain("winner's curse");
    expect(text).toContain(`After seed 0: on with ${averse[0]}; dropped ${averse[1]}.`);
    expect(text).toContain(`by KL: ${neutral}, ${averse[0]}.`);
  });

  test("is not there where the run is none", () => {
    const none = gatherReport(run);
    expect(sweepSection(none, [])).toEqual([]);
    expect([tailAgainstKeys(none), paretoPlot(none)]).toEqual([null, null]);
    expect(sweepHeatMaps(none)).toEqual([]);
  });

  test("draws the tail against each key, one line per value of the other, baselines flat", () => {
    const spec = tailAgainstKeys(data)!;
    expect(spec.panels.map(({ x }) => x.name)).toEqual(["risk.alpha", "kl.beta"]);
    const solid = spec.panels[0]!.curves.filter(({ faint }) => faint !== true);
    expect(solid.map(({ name }) => name)).toEqual(["ra, beta 0.1", "ra, beta 0.3", neutral]);
    expect(solid[0]!.points.map(({ x }) => x)).toEqual([0.2, 0.4]);
    const tail = (arm: string) => data.evaluation.arms[arm]!.metrics.tail_reward!.mean;
    expect(solid[0]!.points.map(({ y }) => y)).toEqual([tail(averse[0]!), tail(averse[2]!)]);
    expect(new Set(solid[2]!.points.map(({ y }) => y)).size).toBe(1);
    // Three seeds: an interval for each point.
    expect(spec.panels[0]!.curves.filter(({ faint }) => faint === true)).toHaveLength(3);
  });

  test("draws every point but the start against KL, and the front through those on it", () => {
    const [panel] = paretoPlot(data)!.panels;
    const [front, ...rest] = panel!.curves;
    expect(front!.points).toHaveLength(2);
    expect(rest.filter(({ markers }) => markers === "all")).toHaveLength(1 + averse.length);
    expect(rest.map(({ name }) => name)).not.toContain(sft);
  });

  test("has a heat map over two keys, a cell per point that was trained", () => {
    const [map, ...more] = sweepHeatMaps(data);
    expect(more).toEqual([]);
    expect(map!.svg.match(/<rect/g)).toHaveLength(1 + points.length);
    expect(map!.svg).toContain("risk.alpha");
    // A key of more values than two decades is drawn by its logarithm.
    const wide = points.map((point, at) => ({ ...point, values: { "kl.beta": 10 ** -at } }));
    const spec = tailAgainstKeys({
      ...data,
      evaluation: { ...data.evaluation, sweep: { ...sweep, keys: ["kl.beta"], points: wide } },
    });
    expect(spec!.panels[0]!.x.log).toBe(true);
  });

  test("stands in both files, with more arms than there are colours", async () => {
    const { html, markdown } = await renderReport(data, { showText: false });
    expect(html).toContain("<h2>Sweep</h2>");
    expect(html).toContain('id="sweep-pareto"');
    expect(markdown).toContain("## Sweep");
  });
});
