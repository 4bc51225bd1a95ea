import { mapped } from "../../stats/mapped.js";
import { underQuantile } from "../tail-advantages.js";
import { followedQuantile, quantileOf, remembered } from "../tracked.js";
import { type AdvantageMeasure, requireBatch, requireSetting } from "./risk-measure.js";

/**
 * RiskPO's mix (arXiv 2510.00911) of the range value at risk, the mean between two quantiles, and the
 * CVaR of the lower one: A = (ω·g₂ + g₁)/(1 + ω) with
 * g₁ = [(R̄ − q₁)₊ − (R̄ − q₂)₊ + q₁ − q₂]/(p₂ − p₁) and g₂ = −(q₁ − R̄)₊/p₁. What lies above q₂
 * teaches nothing. q₁ and q₂ follow the batches, from the first one's own, or are each batch's own.
 * There the score is of a bundle of prompts; here it is an episode's return.
 *
 * @throws {RangeError} also when the levels are not 0 < p₁ < p₂ ≤ 1
 */
export const rangeVar: AdvantageMeasure = {
  answers: "advantages",
  advantages: (input) => {
    requireBatch(input);
    const { returns, settings, memory, population } = input;
    const { lower_level: p1, upper_level: p2, tail_weight, tracking_rate } = settings;
    requireSetting(p1 > 0 && p1 < p2, "lower_level", p1, "a fraction over 0 and under upper_level");
    requireSetting(p2 <= 1, "upper_level", p2, "a fraction of at most 1");
    const past = population === "window" ? memory : null;
    const q1 = remembered(past, "lower", () => quantileOf(returns, p1));
    const q2 = remembered(past, "upper", () => quantileOf(returns, p2));
    const tail = underQuantile(returns, q1, p1);
    const advantages = new Float32Array(
      mapped(returns, (value, episode) => {
        // (R̄ − q₁)₊ − (R̄ − q₂)₊ + q₁ − q₂ without its rounding: exactly 0 from q₂ on.
        const range = (Math.min(Math.max(value, q1), q2) - q2) / (p2 - p1);
        return (tail_weight * tail[episode]! + range) / (1 + tail_weight);
      }),
    );
    const figures = { lower_quantile: q1, upper_quantile: q2 };
    if (population !== "window") {
      return { advantages, figures };
    }
    const lower = followedQuantile(returns, q1, p1, tracking_rate);
    const upper = followedQuantile(returns, q2, p2, tracking_rate);
    return { advantages, figures, memory: { lower, upper: Math.max(lower, upper) } };
  },
  uses: { alpha: false, statistic: false },
  populations: ["window", "batch"],
  component: "optional",
  role: "averse",
  settings: ["lower_level", "upper_level", "tail_weight", "tracking_rate"],
  isMean: () => false,
  trainsOn: () => ({ episodes: "all", bound: "at most" }),
  words: {
    label: "range-VaR mix",
    description:
      "pushes episodes between two quantiles, the lower tail more, those above not at all",
    rule: "A = (ω·g₂ + g₁)/(1 + ω), g₁ of the range between q₁ and q₂, g₂ = −(q₁ − R̄)⁺/p₁; ω: tail_weight",
    follows: "the gradient of (ω·CVaR_p₁ + mean between q_p₁ and q_p₂)/(1 + ω), quantiles in place",
  },
};
