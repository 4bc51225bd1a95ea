import { ramp } from "./ramp.js";

/** The same fraction is lost in every iteration: steep first, flat in the end. */
export const exponential = ramp(
  () => ["warmup", "rho"],
  ({ warmup }) => warmup,
  (alpha, done, span) => Math.min(1, alpha ** (done / span)),
  {
    description:
      "all episodes up to iteration n, then fewer by the same factor each, down to α at ρM",
    rule: "α^((m − n)/(⌈ρM⌉ − n))",
  },
);
