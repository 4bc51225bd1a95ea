import { ramp } from "./ramp.js";

/**
 * Soft-risk schedule of Greenberg et al., "Efficient Risk-Averse Reinforcement Learning", NeurIPS
 * 2022, as used by Chaudhary et al., NeurIPS 2024 (arXiv 2501.06911): every episode while the policy
 * still learns the task, then linearly fewer.
 */
export const soft = ramp(
  () => ["warmup", "rho"],
  ({ warmup }) => warmup,
  (alpha, done, span) => 1 - ((1 - alpha) * done) / span,
  {
    description:
      "all episodes up to iteration n, then linearly fewer, down to α at ρM: the paper's",
    rule: "max(α, 1 − (1 − α)·(m − n)/(⌈ρM⌉ − n))",
  },
);
