import { mapped } from "../../stats/mapped.js";
import { aboveOthers, cvarAdvantages } from "../tail-advantages.js";
import { type AdvantageMeasure, requireBatch, requireSetting } from "./risk-measure.js";

/**
 * The gradient of (1 − c)·E[R̄] + c·CVaR_α(R̄), c = `mixture`:
 * A = (1 − c)·(R̄ − mean of the others) − c·(q_α − R̄)₊/α (Tamar et al., AAAI 2015, for the tail).
 */
export const meanCvarPolicyGradient: AdvantageMeasure = {
  answers: "advantages",
  advantages: (input) => {
    requireBatch(input);
    const { returns, kept, alpha, settings } = input;
    const { mixture } = settings;
    requireSetting(mixture >= 0 && mixture <= 1, "mixture", mixture, "a fraction in [0, 1]");
    const mean = aboveOthers(returns);
    const tail = cvarAdvantages(returns, kept, alpha);
    return {
      advantages: new Float32Array(
        mapped(mean, (own, episode) => (1 - mixture) * own + mixture * tail[episode]!),
      ),
    };
  },
  uses: { alpha: true, statistic: false },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "averse",
  settings: ["mixture"],
  isMean: ({ alpha, mixture }) => alpha === 1 || mixture === 0,
  trainsOn: ({ mixture }) => ({ episodes: mixture < 1 ? "all" : "singled out", bound: "at most" }),
  words: {
    label: "mean-CVaR gradient",
    description: "moves each episode by what it is above the others, and the worst fraction α more",
    rule: "A = (1 − c)·(R̄ − mean of the others) − c·(q − R̄)⁺/α'; c: mixture",
    follows: "the gradient of (1 − c)·E[R̄] + c·CVaR_α(R̄)",
  },
};
