import { expect, test } from "vitest";
import { curveDifferences } from "../../src/analysis/equal-kl/curve-differences.js";
import { frontierPlot, promptScorePlot } from "../../src/report/frontier/frontier-plots.js";
import { differencesTable, policiesTable } from "../../src/report/frontier/frontier-tables.js";
import {
  overlapWords,
  policyWords,
  readingWords,
} from "../../src/report/frontier/frontier-words.js";
import { curve, policy } from "../analysis/equal-kl/policies.js";

const style = { unicode: true };
const seeds = [0, 1, 2];
const start = policy({ curve: "sft", role: null, beta: null, kl: 0, tail: -4 });
const line = (gap: number) =>
  [
    [2, gap - 2],
    [4, gap],
  ] as const;
const policies = [
  start,
  ...seeds.flatMap((seed) => curve("n", seed, line(0), "neutral")),
  ...seeds.flatMap((seed) => curve("a", seed, line(1 + seed / 10))),
];

test("the table has a row per arm and β, with intervals from three seeds on", () => {
  const { head, rows } = policiesTable(policies, style);
  expect(head.slice(0, 5)).toEqual(["arm", "β", "seeds", "KL, nats", "tail reward"]);
  expect(
    rows.map((row) =>
      row
        .slice(0, 3)
        .map(({ main }) => main)
        .join(" "),
    ),
  ).toEqual(["sft  1", "n 1 3", "n 0.5 3", "a 1 3", "a 0.5 3"]);
  expect(rows[0]![4]).toEqual({ main: "−4.00", sub: "" });
  expect(rows[4]![4]!.main).toBe("1.10");
  expect(rows[4]![4]!.sub).toMatch(/^\[0\.85, 1\.35\]$/);
});

test("differences show interval, corrected p and a mark where they are sure", () => {
  const found = curveDifferences(policies, "n");
  const [row] = differencesTable(found, "tested", style).rows;
  expect(row!.map(({ main }) => main)).toEqual(["a", "2.0 to 4.0", "3", "+1.10 *"]);
  expect(row![3]!.sub).toMatch(/^\[\+0\.85, \+1\.35\], p 0\.00\d, 3\/3$/);
  expect(readingWords(found)[1]).toContain("95 % intervals");
  const disagreeing = found.map((one) => ({ ...one, per_seed: [3, -0.3, 0.6] }));
  expect(differencesTable(disagreeing, "tested", style).rows[0]![3]!.sub).toMatch(/, 2\/3$/);
  const few = curveDifferences(
    policies.filter(({ seed }) => seed < 2),
    "n",
  );
  expect(differencesTable(few, "tested", style).rows[0]![3]).toEqual({ main: "+1.05" });
  expect(readingWords(few)[1]).toContain("decide nothing");
  expect(policyWords({ sources: [], policies })).toBe("13 policies of 3 arms, seeds 0, 1, 2");
});

test("arms that share little of their KL are named, with the one that needs a larger β", () => {
  const against = (a: readonly (readonly [kl: number, tail: number])[]) =>
    overlapWords(
      curveDifferences(
        [
          ...seeds.flatMap((seed) => curve("n", seed, line(0), "neutral")),
          ...seeds.flatMap((seed) => curve("a", seed, a)),
        ],
        "n",
      ),
      style,
    );
  const upTo = (low: number, high: number) => [[low, 0] as const, [high, 0] as const];
  expect(against(upTo(1, 3.1))).toEqual([]);
  expect(against(upTo(1, 2.5))).toEqual([
    "a covers 1.0 to 2.5 nats of KL and n 2.0 to 4.0, mean over seeds; all curves share 2.0 to 2.5, " +
      "so the difference is of that KL alone. For more, train n at a larger β too, or a at a smaller one.",
  ]);
  const [apart] = against(upTo(5, 6));
  expect(apart).toContain(
    "nothing in common, so there is no difference. For more, train a at a larger β",
  );
  const best = seeds.map((seed) =>
    policy({ curve: "best", role: "control", beta: null, seed, kl: 9, tail: 3 }),
  );
  expect(overlapWords(curveDifferences([...policies, ...best], "n"), style)).toEqual([]);
});

test("plots join an arm's values of β, and read all arms at one KL by tenth of the prompts", () => {
  const plot = frontierPlot(policies)!;
  const [panel] = plot.panels;
  const joined = panel!.curves.filter(({ faint }) => faint !== true);
  expect(joined.map(({ name, points }) => [name, points.map(({ x }) => x)])).toEqual([
    ["sft", [0]],
    ["n", [2, 4]],
    ["a", [2, 4]],
  ]);
  expect(panel!.curves.filter(({ faint }) => faint === true)).toHaveLength(4);
  const tenths = (kl: number) => ({
    by_prompt_score: {
      prompt_score: [0, 1],
      reward: [kl, kl + 1],
      kl: [2 * kl, 0],
      judge: null,
    },
  });
  const spread = policies.map((one) => ({ ...one, ...tenths(one.metrics.kl_mean!) }));
  const where = promptScorePlot(spread, "n")!;
  expect(where.panels.map(({ title }) => title)).toEqual([
    "mean raw reward, by tenth of the prompts",
    "KL, nats per episode, by tenth of the prompts",
  ]);
  // Of B's two KLs, reached by both arms alike, the higher.
  expect(where.panels[1]!.curves.map(({ name, points }) => [name, points])).toEqual(
    ["n", "a"].map((name) => [
      name,
      [
        { x: 0.25, y: 8 },
        { x: 0.75, y: 0 },
      ],
    ]),
  );
  expect(where.caption).toContain("sft");
  expect(promptScorePlot([start], "n")).toBeNull();
  expect(frontierPlot([start])).toBeNull();
});
