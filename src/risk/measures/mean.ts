import { normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/** Risk-neutral: every episode counts alike at every step, whatever the schedule says. */
export const mean: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    if (input.importance) {
      return normalised(input.importance.weights);
    }
    const batch = input.returns.length;
    return { weights: new Float32Array(batch).fill(1), kept: batch };
  },
  uses: { alpha: false, statistic: false },
  populations: ["batch"],
  component: "optional",
  role: "neutral",
  takesImportance: true,
  settings: [],
  isMean: () => true,
  trainsOn: () => ({ episodes: "all", bound: "exact" }),
  words: {
    label: "mean",
    description: "trains on every episode alike",
    rule: "every episode 1",
    follows: "the gradient of E[R̄]",
  },
};
