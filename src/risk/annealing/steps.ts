import type { AnnealingTerms, PlannedAnnealing } from "./annealing.js";

/** A table: each α' holds from its iteration on, 1 before the first. */
export const steps: PlannedAnnealing = {
  follows: "plan",
  reads: () => ["annealing_steps"],
  alphaAt: (terms, step) => tableOf(terms).findLast(([from]) => from <= step)?.[1] ?? 1,
  end: (terms) => tableOf(terms).find(([, alpha]) => alpha === terms.alpha)?.[0] ?? null,
  // The last iteration of each level, too: a plot falls at once.
  corners: (terms) => tableOf(terms).flatMap(([from]) => (from > 0 ? [from - 1, from] : [from])),
  words: {
    description: "as the table risk.annealing_steps has it, all episodes before its first entry",
    rule: "of the last entry of risk.annealing_steps whose iteration is at most m; 1 before them",
  },
};

function tableOf({ annealing_steps }: AnnealingTerms) {
  return annealing_steps ?? [];
}
