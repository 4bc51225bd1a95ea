import type { PlannedAnnealing } from "./annealing.js";

export const constant: PlannedAnnealing = {
  follows: "plan",
  reads: () => [],
  alphaAt: ({ alpha }) => alpha,
  end: () => 0,
  corners: () => [],
  words: { description: "α from the first iteration on", rule: "α" },
};
