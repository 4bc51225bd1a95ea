/** Annealings that come down on one curve, from 1 at a first iteration to α at ⌈ρM⌉. */
import { requireFraction, requireInteger } from "../../stats/checks.js";
import { tailCount } from "../tail.js";
import type { AnnealingTerms, PlannedAnnealing } from "./annealing.js";

/**
 * ⌈ρM⌉, the first iteration at which α is in force.
 *
 * @param iterations M, a whole number ≥ 1
 * @throws {RangeError} when M or ρ is out of range
 */
export function annealingEnd({ rho }: Pick<AnnealingTerms, "rho">, iterations: number): number {
  requireInteger(iterations, "iterations", 1);
  requireFraction(rho, "rho");
  return tailCount(iterations, rho);
}

/**
 * @param start last iteration with α' = 1
 * @param fall α' after `done` of `span` iterations, 0 < done < span
 */
export function ramp(
  reads: PlannedAnnealing["reads"],
  start: (terms: AnnealingTerms) => number,
  fall: (alpha: number, done: number, span: number) => number,
  words: PlannedAnnealing["words"],
): PlannedAnnealing {
  return {
    follows: "plan",
    reads,
    alphaAt: (terms, step, iterations) => {
      const { alpha } = terms;
      const first = start(terms);
      if (step <= first) return 1;
      const end = annealingEnd(terms, iterations);
      return step >= end ? alpha : Math.max(alpha, fall(alpha, step - first, end - first));
    },
    end: annealingEnd,
    corners: (terms, iterations) => [start(terms), annealingEnd(terms, iterations)],
    words,
  };
}
