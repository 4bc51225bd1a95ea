import { shuffled } from "../../stats/random.js";
import { equalWeights, normalised, requireBatch, type WeighingMeasure } from "./risk-measure.js";

/**
 * A control, not a risk measure: as many episodes as `cvar` keeps, drawn at random. What `cvar`
 * gains over it comes from the choice of episodes, not from the smaller update.
 */
export const randomDrop: WeighingMeasure = {
  answers: "weights",
  weigh: (input) => {
    requireBatch(input);
    const batch = input.returns.length;
    const drawn = equalWeights(batch, shuffled(batch, input.random).subarray(0, input.kept));
    if (input.importance) {
      const { weights } = input.importance;
      return normalised(weights.map((weight, episode) => weight * drawn.weights[episode]!));
    }
    return drawn;
  },
  uses: { alpha: true, statistic: false },
  populations: ["batch", "prompt"],
  component: "optional",
  role: "control",
  takesImportance: true,
  settings: [],
  isMean: ({ alpha }) => alpha === 1,
  trainsOn: () => ({ episodes: "singled out", bound: "exact" }),
  words: {
    label: "random drop",
    description: "trains on as many episodes as cvar does, drawn at random: a control",
    rule: "⌈α'B⌉ episodes drawn at random 1, the others 0",
    follows: "the mean's gradient, from fewer episodes",
  },
};
