import type { Conclusion } from "../../src/analysis/evaluation.js";

/** Of a run in which nothing was evaluated. */
export const noConclusion: Conclusion = {
  headline: { arm: null, rule: "first-trained", candidates: [] },
  start: null,
  end: null,
  against_neutral: { seeds: 0, seeds_needed: 3, at: null, missing: "averse", differences: [] },
  not_comparable: [],
  cautions: [],
};
