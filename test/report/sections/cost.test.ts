import { describe, expect, test } from "vitest";
import { costFigures } from "../../../src/analysis/final-metrics.js";
import { gainAndCost } from "../../../src/report/plots/gain-and-cost.js";
import { trainingCurves } from "../../../src/report/plots/training-curves.js";
import { gatherReport, type ReportInput } from "../../../src/report/report-data.js";
import { costSection } from "../../../src/report/sections/cost.js";
import { resultsSection } from "../../../src/report/sections/results.js";
import { renderTable } from "../../../src/report/table.js";
import { fixtureRun } from "../fixture.js";

const three = fixtureRun({ seeds: [0, 1, 2], iterations: 20, prompts: 200, several: true });
const one = fixtureRun({ iterations: 20, prompts: 200, several: true });

type Blocks = ReturnType<typeof costSection>;

function tables(blocks: Blocks): string[][][] {
  return blocks.flatMap((block) =>
    block.kind === "table"
      ? [block.rows.map((row) => row.map(({ main, sub }) => (sub ? `${main} ${sub}` : main)))]
      : [],
  );
}

/** With what a later evaluation may measure as well. */
function measuring(input: ReportInput, figures: Record<string, number>): ReportInput {
  const arms = Object.fromEntries(
    Object.entries(input.evaluation.arms).map(([name, arm], place) => {
      const added = Object.entries(figures).map(([metric, value]) => {
        const own = arm.seeds.map((seed) => value * (1 + 0.1 * place + 0.001 * seed));
        return [metric, { mean: own[0]!, sd: null, ci95: null, per_seed: own }];
      });
      return [name, { ...arm, metrics: { ...arm.metrics, ...Object.fromEntries(added) } }];
    }),
  );
  return { ...input, evaluation: { ...input.evaluation, arms } };
}

describe("what it cost", () => {
  test("has what was gained above, then every cost that was measured, with its direction", () => {
    const [table] = tables(costSection(gatherReport(three), null));
    expect(table!.map(([group, figure]) => `${group}: ${figure}`)).toEqual([
      "Gained: tail reward ↑",
      ": CVaR₀.₁ ↑",
      ": harm rate % ↓",
      "Diversity: Dist-1 ↑",
      ": Dist-2 ↑",
      ": Dist-3 ↑",
      "Fluency: perplexity ↓",
      "Harmless prompts: reward, harmless prompts ↑",
      ": judge, harmless prompts ↑",
      "Length: length",
      "Distance: KL, nats ↓",
      "Training: seconds ↓",
      ": trained tokens, thousands ↓",
    ]);
    const dist = table!.find(([, figure]) => figure === "Dist-2 ↑")!;
    expect(dist.slice(2)).toHaveLength(Object.keys(three.evaluation.arms).length);
    expect(dist[2]).toMatch(/^0\.830 \[/);
  });

  test("takes a new figure from the list of words alone", () => {
    const later = measuring(three, { self_bleu: 0.4, fluency: 33, repetition_rate: 0.02 });
    const [table] = tables(costSection(gatherReport(later), null));
    const figures = table!.map(([, figure]) => figure);
    expect(figures).toEqual(
      expect.arrayContaining(["self-BLEU ↓", "repetition % ↓", "fluency (perplexity) ↓"]),
    );
    expect(gainAndCost(gatherReport(later))!.panels[0]!.title).toContain("self-BLEU");
  });

  test("says better, worse and undecided of intervals alone, and counts what is undecided", () => {
    const text = JSON.stringify(costSection(gatherReport(three), null));
    expect(text).toContain("Changes from sft that the seeds can tell");
    expect(text).toMatch(/rlhf: better: tail reward \+\d/);
    expect(text).toMatch(/worse: Dist-1 −0\.\d+, Dist-2 −0\.\d+/);
    expect(text).toContain("one in twenty excludes 0 by chance alone");
  });

  test("with one seed no interval is shown and no difference told", () => {
    const blocks = costSection(gatherReport(one), null);
    expect(JSON.stringify(blocks)).toContain("With one seed, differences from sft cannot be told");
    expect(JSON.stringify(blocks)).not.toMatch(/better: |worse: |"sub"/);
  });

  test("tells how the texts are where no arm is trained, and of no gain", () => {
    const sft = fixtureRun({ arms: ["sft"], iterations: 20, prompts: 50 });
    const blocks = costSection(gatherReport(sft), null);
    expect(blocks[0]).toEqual({ kind: "heading", text: "How the texts are" });
    const text = JSON.stringify(blocks);
    expect(text).toContain("Dist-1");
    expect(text).not.toContain("Gained");
    expect(text).not.toContain("told from chance");
    expect(gainAndCost(gatherReport(sft))).toBeNull();
  });

  test("the plot has one point per arm, and its intervals with three seeds alone", () => {
    const arms = Object.keys(three.evaluation.arms).length;
    const bold = (input: ReportInput) =>
      gainAndCost(gatherReport(input))!.panels.map(({ curves }) => ({
        points: curves.filter(({ faint }) => faint !== true).length,
        bars: curves.filter(({ faint }) => faint === true).length,
      }));
    expect(bold(three)[0]).toEqual({ points: arms, bars: 2 * arms });
    expect(bold(one)[0]).toEqual({ points: arms, bars: 0 });
  });
});

test("harmless prompts are those outside the tail, of episodes that have a reward", () => {
  const arrays = {
    prompt: [0, 1, 2, 3, 4],
    prompt_score: [-5, 1, 2, -4, 3],
    reward: [-9, 1, null, 3, 5],
    judge: [-9, 2, 7, 7, null],
    kl: [0, 0, 0, 0, 0],
    length: [1, 1, 1, 1, 1],
  };
  // Of four with a reward, half are the tail: prompts 0 and 3.
  expect(costFigures({ arrays, compute: 12 }, 0.5)).toEqual({
    harmless_reward: 3,
    harmless_judge: 2,
    trained_tokens: 12,
  });
  expect(costFigures({ arrays: { ...arrays, judge: null }, compute: 0 }, 1)).toEqual({});
});

describe("several components and judges", () => {
  test("have a table of their own: mean, tail and CVaR of each, judges below", () => {
    const table = tables(resultsSection(gatherReport(three))).find(
      ([first]) => first![1] === "polite",
    )!;
    expect(table.slice(0, 4).map(([arm, by]) => [arm, by])).toEqual([
      ["sft", "polite"],
      ["", "on-topic"],
      ["", "judge judge"],
      ["", "judge toxicity"],
    ]);
    expect(table[0]!.slice(2).every((cell) => /\d \[/.test(cell))).toBe(true);
    expect(table[2]![4]).toBe("–");
  });

  test("have a curve each in the training plots", () => {
    const titles = trainingCurves(gatherReport(three))!.panels.map(({ title }) => title);
    expect(titles).toEqual(
      expect.arrayContaining(["Mean reward", "Mean score of polite", "Mean score of on-topic"]),
    );
  });

  test("stand under the terminal's table, within its width", () => {
    const text = renderTable(three.evaluation, { width: 80, unicode: true, color: false });
    expect(text.split("\n\n")[1]).toMatchInlineSnapshot(`
      "arm                        mean score   tail score      CVaR₀.₁
      ───────────────────────────────────────────────────────────────
      sft: polite                0.51 ±0.04  −1.29 ±0.26  −1.42 ±0.17
      sft: on-topic             −0.50 ±0.03  −1.70 ±0.17  −1.78 ±0.12
      sft: first judge           0.01 ±0.05  −1.79 ±0.26      –
      sft: judge toxicity        0.00 ±0.01   0.60 ±0.09      –
      rlhf: polite               1.45 ±0.08  −0.59 ±0.27  −0.69 ±0.20
      rlhf: on-topic             0.13 ±0.05  −1.22 ±0.18  −1.30 ±0.13
      rlhf: first judge          1.11 ±0.09  −1.09 ±0.27      –
      rlhf: judge toxicity      −0.32 ±0.03   0.36 ±0.09      –
      rlhf-kl: polite            1.87 ±0.05   0.17 ±0.18   0.03 ±0.09
      rlhf-kl: on-topic          0.41 ±0.03  −0.72 ±0.12  −0.81 ±0.06
      rlhf-kl: first judge       1.60 ±0.06  −0.33 ±0.18      –
      rlhf-kl: judge toxicity   −0.46 ±0.02   0.11 ±0.06      –
      ra-rlhf: polite            1.49 ±0.06  −0.39 ±0.26  −0.51 ±0.18
      ra-rlhf: on-topic          0.16 ±0.04  −1.09 ±0.18  −1.17 ±0.12
      ra-rlhf: first judge       1.16 ±0.06  −0.89 ±0.26      –
      ra-rlhf: judge toxicity   −0.33 ±0.02   0.30 ±0.09      –
      ra-rlhf-hard: polite       1.83 ±0.12   0.39 ±0.31   0.21 ±0.21
      ra-rlhf-hard: on-topic     0.39 ±0.08  −0.57 ±0.21  −0.69 ±0.14
      ra-rlhf-hard: first jud…   1.56 ±0.14  −0.11 ±0.31      –
      ra-rlhf-hard: judge tox…  −0.44 ±0.04   0.04 ±0.10      –"
    `);
  });

  test("with one component and one judge there is nothing of it", () => {
    const plain = fixtureRun({ iterations: 20, prompts: 50 });
    const text = renderTable(plain.evaluation, { width: 120, unicode: true, color: false });
    expect(text).not.toContain("\n\n");
    expect(JSON.stringify(resultsSection(gatherReport(plain)))).not.toContain("components");
    const panels = trainingCurves(gatherReport(plain))!.panels;
    expect(panels).toHaveLength(6);
  });
});
