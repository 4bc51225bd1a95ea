import { ramp } from "./ramp.js";

/** `soft` without its warm start. */
export const linear = ramp(
  () => ["rho"],
  () => 0,
  (alpha, done, span) => 1 - ((1 - alpha) * done) / span,
  {
    description: "linearly fewer from the first iteration on, down to α at ρM: no warm start",
    rule: "max(α, 1 − (1 − α)·m/⌈ρM⌉)",
  },
);
