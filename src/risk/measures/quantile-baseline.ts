import { mapped } from "../../stats/mapped.js";
import { quantileOf } from "../tracked.js";
import { type AdvantageMeasure, requireBatch, requireSetting } from "./risk-measure.js";

/**
 * A = R̄ − q_p of the prompt's completions: a quantile in the place of the mean as the baseline
 * (quantile advantage estimation, QAE, arXiv 2509.22611). A baseline moves no expected gradient, so
 * it is no risk measure: a low p pushes few episodes down and many up, a high p the reverse. q_p is
 * the ⌈pn⌉-th lowest.
 */
export const quantileBaseline: AdvantageMeasure = {
  answers: "advantages",
  advantages: (input) => {
    requireBatch(input);
    const { returns, settings } = input;
    const { quantile } = settings;
    requireSetting(quantile > 0 && quantile <= 1, "quantile", quantile, "a fraction in (0, 1]");
    const baseline = quantileOf(returns, quantile);
    return { advantages: new Float32Array(mapped(returns, (value) => value - baseline)) };
  },
  uses: { alpha: false, statistic: false },
  populations: ["prompt", "batch"],
  component: "optional",
  role: "neutral",
  settings: ["quantile"],
  isMean: () => false,
  trainsOn: () => ({ episodes: "all", bound: "at most" }),
  words: {
    label: "quantile baseline",
    description: "moves each episode by what it is above a quantile of its prompt's completions",
    rule: "A = R̄ − q_p, q_p the ⌈pn⌉-th lowest return of the prompt's n; p: quantile",
    follows: "the gradient of E[R̄], for many completions",
  },
};
