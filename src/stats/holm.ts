/**
 * p-values corrected for how many hypotheses were tested: S. Holm, "A simple sequentially rejective
 * multiple test procedure" (1979). Whatever the dependence between the tests, the probability that any
 * true hypothesis has a corrected p ≤ 0.05 is at most 0.05. The i-th smallest of m is multiplied by
 * m − i + 1, never under the one before it, at most 1.
 *
 * @param p in [0, 1]; null: not tested, so it does not count, and stays null
 * @returns in the order of `p`
 * @throws {RangeError} when a p is not in [0, 1]
 */
export function holm(p: readonly (number | null)[]): (number | null)[] {
  const tested = p.flatMap((value, at) => (value === null ? [] : [{ value, at }]));
  for (const { value, at } of tested) {
    if (!(value >= 0 && value <= 1)) {
      throw new RangeError(`p[${at}] is ${value}: a probability in [0, 1] is needed`);
    }
  }
  tested.sort((one, other) => one.value - other.value);
  const corrected = new Array<number | null>(p.length).fill(null);
  let highest = 0;
  for (const [rank, { value, at }] of tested.entries()) {
    highest = Math.max(highest, Math.min(1, (tested.length - rank) * value));
    corrected[at] = highest;
  }
  return corrected;
}
