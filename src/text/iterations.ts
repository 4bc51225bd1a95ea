/**
 * One numbering of iterations wherever people read one: the first is iteration 1, and what is saved
 * or evaluated at iteration 10 has 10 iterations behind it. Events of an iteration (`step`, and the
 * method's m) count from 0 in the journal; every view goes through here.
 */

/** @param step m, from 0 */
export function iterationNumber(step: number): number {
  return step + 1;
}

/**
 * "iteration 10/12", or "iteration 10" where the total is unknown.
 *
 * @param step m, from 0
 */
export function iterationName(step: number, iterations = 0): string {
  return `iteration ${iterationNumber(step)}${iterations > 0 ? `/${iterations}` : ""}`;
}

/**
 * Where a policy stands, in words that follow "from" or "at": "iteration 10", "the start".
 *
 * @param done iterations done; null: nothing is kept of it
 */
export function iterationPoint(done: number | null): string {
  return done === null ? "the start" : `iteration ${done}`;
}
