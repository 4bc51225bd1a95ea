import { describe, expect, test } from "vitest";
import { armStyles, styleAt } from "../../src/report/arm-style.js";
import { drawPlots } from "../../src/report/plots/all-plots.js";
import { tailAgainstCompute, tailAgainstKl } from "../../src/report/plots/frontier.js";
import { quantileCurve } from "../../src/report/plots/quantile-curve.js";
import { rewardHistogram } from "../../src/report/plots/reward-histogram.js";
import { seedMean } from "../../src/report/plots/seed-mean.js";
import { strataShares } from "../../src/report/plots/strata-shares.js";
import { trainingCurves } from "../../src/report/plots/training-curves.js";
import { gatherReport } from "../../src/report/report-data.js";
import { noConclusion } from "../analysis/no-conclusion.js";
import { fixtureRun } from "./fixture.js";

const one = gatherReport(fixtureRun());
const several = gatherReport(fixtureRun({ seeds: [0, 1, 2] }));
const empty = gatherReport({
  ...fixtureRun(),
  events: [],
  evaluation: { arms: {}, frontier: {}, comparisons: [], conclusion: noConclusion },
});

describe("what is drawn", () => {
  test("histograms lay each arm over SFT on the same bins, and their areas are whole", () => {
    const spec = rewardHistogram(several)!;
    expect(spec.panels.map(({ curves }) => curves.map(({ name }) => name))).toEqual([
      ["sft", "rlhf"],
      ["sft", "rlhf-kl"],
      ["sft", "ra-rlhf"],
      ["sft", "ra-rlhf-hard"],
    ]);
    for (const { curves, marks, y } of spec.panels) {
      expect(marks).toEqual([{ axis: "x", at: -2, label: "← harm", side: "left" }]);
      expect(y).toEqual(spec.panels[0]!.y);
      expect(curves[0]!.points.map(({ x }) => x)).toEqual(curves[1]!.points.map(({ x }) => x));
      for (const { points } of curves) {
        expect(points.reduce((sum, point) => sum + point.y, 0)).toBeCloseTo(100, 6);
        expect(points.at(-1)!.y).toBe(0);
      }
    }
  });

  test("the quantile curve rises from the worst prompts on, one curve per arm", () => {
    const [panel] = quantileCurve(several)!.panels;
    expect(panel!.curves.map(({ name }) => name)).toEqual([...several.arms]);
    const { points, band } = panel!.curves[0]!;
    expect(points).toHaveLength(20);
    expect(points[0]!.x).toBeCloseTo(0.025, 6);
    expect(points[0]!.y).toBeLessThan(points.at(-1)!.y - 3);
    expect(band).toHaveLength(20);
  });

  test("frontiers start at SFT and run through each checkpoint's mean, within a band over seeds", () => {
    const kl = tailAgainstKl(several)!.panels[0]!.curves.filter(({ name }) => name === "rlhf");
    expect(kl).toHaveLength(1);
    expect(kl[0]!.band!.map(({ x }) => x)).toEqual(kl[0]!.points.map(({ x }) => x));
    expect(tailAgainstKl(several)!.panels[0]!.x.fromZero).toBe(true);
    expect(kl[0]!.points[0]!.x).toBe(0);
    expect(kl[0]!.points).toHaveLength(7);
    const compute = tailAgainstCompute(several)!.panels[0]!.curves;
    const end = (name: string) => compute.find((curve) => curve.name === name)!.points.at(-1)!.x;
    expect(end("ra-rlhf")).toBeLessThan(0.8 * end("rlhf"));
    expect(tailAgainstKl(one)!.panels[0]!.curves.every(({ band }) => band === undefined)).toBe(
      true,
    );
  });

  test("training curves show the target where β is steered, and the kept fraction", () => {
    const { panels } = trainingCurves(several)!;
    expect(panels).toHaveLength(6);
    expect(panels[2]!.marks).toEqual([{ axis: "y", at: 6, label: "target" }]);
    const kept = panels[4]!.curves.find(({ name }) => name === "ra-rlhf")!;
    expect(kept.points.at(-1)!.y).toBeCloseTo(0.4, 1);
  });

  test("long trainings are averaged in groups and the caption says so", () => {
    const long = gatherReport(fixtureRun({ arms: ["rlhf"], iterations: 200, prompts: 30 }));
    const spec = trainingCurves(long)!;
    expect(spec.panels[0]!.curves[0]!.points).toHaveLength(50);
    expect(spec.panels[0]!.curves[0]!.points[0]!.x).toBe(2.5);
    expect(spec.caption).toContain("every point is the mean of 4 iterations");
  });

  test("strata have a curve each where their shares are learned, neighbours together beyond ten", async () => {
    const arm = several.run.experiment.arms["ra-rlhf"]!;
    const drawnBy = (strategy: "cross-entropy" | "replay" | "stratified", strata: number) => ({
      ...several,
      run: {
        ...several.run,
        experiment: {
          ...several.run.experiment,
          arms: {
            ...several.run.experiment.arms,
            "ra-rlhf": { ...arm, sampling: { ...arm.sampling, strategy } },
          },
        },
      },
      trials: several.trials.map((trial) =>
        trial.arm !== "ra-rlhf"
          ? trial
          : {
              ...trial,
              steps: trial.steps.map((step) => ({
                ...step,
                sampling: {
                  shares: Array.from({ length: strata }, (_, at) => (at === 0 ? 1 : 0)),
                  natural: Array<number>(strata).fill(1 / strata),
                  effective: 16,
                  largest_weight: 5,
                  weighted: true,
                },
              })),
            },
      ),
    });
    const [panel] = strataShares(drawnBy("cross-entropy", 4))!.panels;
    expect(panel).toMatchObject({ title: "ra-rlhf", marks: [{ axis: "y", at: 0.25 }] });
    expect(panel!.curves.map(({ name }) => name)).toEqual([
      ...["stratum 1 (hardest)", "stratum 2", "stratum 3", "stratum 4 (easiest)"],
    ]);
    expect(panel!.curves[0]!.points.every(({ y }) => y === 1)).toBe(true);
    const many = strataShares(drawnBy("cross-entropy", 25))!.panels[0]!;
    expect(many.curves).toHaveLength(10);
    expect(many.curves[0]!.name).toBe("stratum 1–2 (hardest)");
    expect(strataShares(drawnBy("replay", 2))!.panels[0]!.curves.map(({ name }) => name)).toEqual([
      ...["recent tail prompts", "other prompts"],
    ]);
    expect(strataShares(drawnBy("stratified", 2))).toBeNull();
    expect(strataShares(several)).toBeNull();
    const effective = trainingCurves(drawnBy("cross-entropy", 4))!.panels.find(
      ({ title }) => title === "Effective sample size",
    )!;
    expect(effective.curves.map(({ name }) => name)).toEqual(["ra-rlhf"]);
    expect(effective.curves[0]!.points[0]!.y).toBe(0.25);
    const plots = await drawPlots(drawnBy("cross-entropy", 10));
    expect(plots.find(({ id }) => id === "strata-shares")!.svg).not.toMatch(/NaN|undefined/);
  });

  test("nothing is drawn of nothing", async () => {
    expect(await drawPlots(empty)).toEqual([]);
  });

  test("a band spans mean ± sd where two seeds have a point, and one seed has none", () => {
    const a = [
      { x: 1, y: 1 },
      { x: 2, y: 2 },
    ];
    expect(seedMean([a])).toEqual({ points: a });
    const { points, band } = seedMean([a, [{ x: 1, y: 3 }]]);
    expect(points).toEqual([
      { x: 1, y: 2 },
      { x: 2, y: 2 },
    ]);
    expect(band).toEqual([{ x: 1, low: 2 - Math.SQRT2, high: 2 + Math.SQRT2 }]);
  });
});

describe("how it is drawn", () => {
  test("every arm has its own colour, dash and marker", () => {
    const styles = [...armStyles(several.arms, several.run.experiment.arms).values()];
    for (const key of ["color", "dash"] as const) {
      expect(new Set(styles.map((style) => JSON.stringify(style[key]))).size).toBe(styles.length);
    }
    const trained = [...armStyles(several.arms, several.run.experiment.arms)].filter(
      ([arm]) => arm !== "sft",
    );
    expect(new Set(trained.map(([, { marker }]) => marker)).size).toBe(trained.length);
  });

  test("no two of many series have the same dashes", () => {
    const dashes = Array.from({ length: 100 }, (_, at) => JSON.stringify(styleAt(at).dash));
    expect(new Set(dashes).size).toBe(100);
  });

  test("SVG is self-contained, named, on its own background, and the same every time", async () => {
    const plots = await drawPlots(one);
    const again = await drawPlots(one);
    expect(plots.map(({ id }) => id)).toEqual([
      "reward-histogram",
      "reward-by-prompt",
      "tail-against-kl",
      "tail-against-compute",
      "loss-curves",
      "training-curves",
      "gain-and-cost",
    ]);
    for (const { id, narrow } of plots) {
      expect(narrow).toMatch(/viewBox="0 0 360 /);
      for (const [, name] of narrow!.matchAll(/\bid="([^"]+)"/g)) {
        expect(name!.startsWith(`${id}-narrow-`)).toBe(true);
      }
    }
    plots.forEach(({ id, svg }, at) => {
      expect(svg).toMatch(/^<svg role="img" aria-label="[^"]+" [^>]*viewBox=/);
      expect(svg).toContain('fill="#ffffff"');
      expect(svg).not.toMatch(/<script|<style|\bhref=|on\w+=|ecmeta|zr\d/);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      for (const [, name] of svg.matchAll(/\bid="([^"]+)"/g)) {
        expect(name!.startsWith(`${id}-`)).toBe(true);
      }
      expect(svg).toBe(again[at]!.svg);
    });
  });
});
