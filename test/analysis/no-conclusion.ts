import type { ArmMetrics, Conclusion, Evaluation } from "../../src/analysis/evaluation.js";

/** Of a run in which nothing was evaluated. */
export const noConclusion: Conclusion = {
  headline: { arm: null, rule: "first-trained", candidates: [] },
  start: null,
  end: null,
  against_neutral: { seeds: 0, seeds_needed: 3, at: null, missing: "averse", differences: [] },
  not_comparable: [],
  cautions: [],
};

/** Arms as evaluation.json has them, without certified bounds. */
export function uncertified(arms: Readonly<Record<string, ArmMetrics>>): Evaluation["arms"] {
  return Object.fromEntries(
    Object.entries(arms).map(([arm, own]) => [arm, { ...own, certificates: null }]),
  );
}
