import { mapped } from "../../stats/mapped.js";
import { tilted } from "../exponential-tilt.js";
import { type AdvantageMeasure, requireBatch } from "./risk-measure.js";

/**
 * The gradient of the entropic risk −T·log E[exp(−R̄/T)] (Howard & Matheson 1972):
 * A = T·(1 − e^{−R̄/T}/mean e^{−R̄/T}); of a prompt's completions it is RS-GRPO's advantage (arXiv
 * 2509.24261) with β = −1/T. The advantages of a population sum to 0. Large T is risk-neutral
 * (A → R̄ − mean), small T sees only the worst. α and its annealing play no part.
 *
 * @throws {RangeError} also when the temperature is not a positive number
 */
export const entropicPolicyGradient: AdvantageMeasure = {
  answers: "advantages",
  advantages: (input) => {
    requireBatch(input);
    const { temperature } = input.settings;
    const exponentials = tilted(input.returns, temperature);
    const mean = exponentials.reduce((sum, one) => sum + one, 0) / exponentials.length;
    return {
      advantages: new Float32Array(mapped(exponentials, (one) => temperature * (1 - one / mean))),
    };
  },
  uses: { alpha: false, statistic: false },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "averse",
  settings: ["temperature"],
  isMean: () => false,
  trainsOn: () => ({ episodes: "all", bound: "at most" }),
  words: {
    label: "entropic gradient",
    description: "pushes every episode, exponentially more down the lower its return is",
    rule: "A = T·(1 − e^(−R̄/T) / mean of e^(−R̄/T)); T: temperature",
    follows: "the gradient of the entropic risk −T·log E[e^(−R̄/T)]",
  },
};
