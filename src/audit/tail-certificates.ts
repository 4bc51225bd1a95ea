/**
 * What the samples certify of the distribution that they came from, in the user's units. CVaR needs a
 * worst possible score. Where none is stated, the bound is of the scores cut off at the worst that
 * was seen: no certificate of CVaR, unless no score can be worse.
 */
import { rateBound } from "../stats/beta.js";
import { type BandMethod, cvarLowerBound, varLowerBound } from "../stats/certificates.js";
import { type AuditSettings, inUserUnits } from "./scores.js";

/** In larger tails both methods agree, and order statistics take seconds. */
const mostRanks = 20_000;

export interface CvarCertificate {
  readonly level: number;
  /** CVaR is not worse than it, with probability `level`. */
  readonly bound: number;
  readonly method: BandMethod;
  /** `lower`: CVaR ≥ bound; `upper`, where higher is worse: CVaR ≤ bound. */
  readonly side: "lower" | "upper";
  /** Holds with nothing assumed but the stated range and independent units. */
  readonly certified: boolean;
  /** The worst possible score that was counted with, in the user's units. */
  readonly range_end: number;
  readonly range_end_from: "stated" | "worst score seen";
  /** The samples are too few: the bound is the end of the range. */
  readonly trivial: boolean;
  /** Where trivial: so many samples would not be; null: none are needed. */
  readonly needed: number | null;
}

export interface VarCertificate {
  readonly level: number;
  /** Null: too few samples. */
  readonly bound: number | null;
  readonly side: "lower" | "upper";
  readonly certified: boolean;
  readonly needed: number | null;
}

export interface RateCertificate {
  readonly level: number;
  readonly bound: number;
  readonly method: "clopper-pearson";
  readonly certified: boolean;
}

/**
 * @param sorted ascending
 * @param independent each score is a unit of its own
 */
export function cvarCertificate(
  sorted: Float64Array,
  alpha: number,
  settings: AuditSettings,
  independent: boolean,
): CvarCertificate {
  const stated = settings.bound;
  const lower = stated === null ? sorted[0]! : inUserUnits(stated, settings);
  const delta = 1 - settings.level;
  const { bound, method, trivial, needed } = cvarLowerBound(sorted, {
    alpha,
    delta,
    lower,
    // Chosen by n and α alone, before the scores are looked at.
    method: alpha * sorted.length > mostRanks ? "dkw" : "order-statistics",
  });
  return {
    level: settings.level,
    bound: inUserUnits(bound!, settings),
    method,
    side: sideOf(settings),
    certified: stated !== null && independent,
    range_end: inUserUnits(lower, settings),
    range_end_from: stated === null ? "worst score seen" : "stated",
    trivial,
    needed,
  };
}

export function varCertificate(
  sorted: Float64Array,
  alpha: number,
  settings: AuditSettings,
  independent: boolean,
): VarCertificate {
  const { bound, needed } = varLowerBound(sorted, { alpha, delta: 1 - settings.level });
  return {
    level: settings.level,
    bound: bound === null ? null : inUserUnits(bound, settings),
    side: sideOf(settings),
    certified: independent && bound !== null,
    needed,
  };
}

/** The harm rate is not above it. */
export function rateCertificate(
  harmful: number,
  n: number,
  { level }: Pick<AuditSettings, "level">,
  independent: boolean,
): RateCertificate {
  const bound = rateBound(harmful, n, 1 - level, "upper");
  return { level, bound, method: "clopper-pearson", certified: independent };
}

function sideOf({ higherIsWorse }: AuditSettings): "lower" | "upper" {
  return higherIsWorse ? "upper" : "lower";
}
