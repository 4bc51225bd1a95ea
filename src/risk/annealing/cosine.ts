import { ramp } from "./ramp.js";

/**
 * Half a period of a cosine, the shape that Loshchilov & Hutter (arXiv 1608.03983) gave learning
 * rates: slow at both ends, steepest half-way.
 */
export const cosine = ramp(
  () => ["warmup", "rho"],
  ({ warmup }) => warmup,
  (alpha, done, span) => alpha + ((1 - alpha) * (1 + Math.cos((Math.PI * done) / span))) / 2,
  {
    description: "all episodes up to iteration n, then down to α at ρM, slowly at both ends",
    rule: "α + (1 − α)·(1 + cos(π·(m − n)/(⌈ρM⌉ − n)))/2",
  },
);
