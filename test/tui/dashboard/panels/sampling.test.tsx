/** What the dashboard shows of a sampler that learns. */
import { expect, test } from "vitest";
import { RiskPanel } from "../../../../src/tui/dashboard/panels/risk-panel.js";
import {
  chartName,
  trainingCharts,
} from "../../../../src/tui/dashboard/panels/training-figures.js";
import { armConfig, sampleRun } from "../../../run-model/sample-run.js";
import { drawn, rich } from "../../drawn.js";

const config = armConfig({ alpha: 0.4 });
const { trial, events } = sampleRun(7, 12, config);
const steps = trial.steps.map(({ head, entry }) => ({
  entry,
  head: {
    ...head,
    sampling: {
      shares: [0.4, 0.3, 0.1, 0.1, 0.1],
      natural: [0.2, 0.2, 0.2, 0.2, 0.2],
      effective: 51.3,
      largest_weight: 2,
      weighted: true,
    },
  },
}));

function panelOf(all: typeof steps | typeof trial.steps): string {
  const { episodes } = events.at(-1)!;
  const step = all.at(-1)!.head;
  const input = { config, steps: all, step, episodes, previous: null, quantiles: [], zoom: null };
  return drawn(<RiskPanel {...input} width={100} height={12} />, { columns: 100, rows: 13 }, rich);
}

test("the risk panel has the effective sample size and the strata's shares", () => {
  const text = panelOf(steps);
  expect(text).toMatch(/effective 51 of \d+/);
  expect(text).toMatch(/strata █▆▁▁▁/);
  expect(panelOf(trial.steps)).not.toMatch(/effective|strata/);
});

test("the training panel has the part of the hardest prompts", () => {
  expect(trainingCharts(steps).at(-1)).toBe("batch_fraction");
  expect(trainingCharts(trial.steps)).not.toContain("batch_fraction");
  const view = { steps, other: null, iteration: 12, klTarget: null, alpha: 0.4 };
  expect(chartName("batch_fraction", view, true, rich)).toBe("hardest prompts");
});
