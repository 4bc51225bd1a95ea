/** The rule by which points are dropped before all seeds are trained. */

/** Points that go on after a seed, ≥ 1. @param keep `sweep.keep` */
export function keptCount(points: number, keep: number): number {
  // As exact to 1e-12 as α·B is elsewhere: 0.1 · 30 is 3.
  return Math.max(1, Math.ceil(points * keep - 1e-12));
}

/** Points that train on each seed, in the seeds' order. */
export function pointsBySeed(points: number, seeds: number, keep: number): number[] {
  const counts = [points];
  while (counts.length < seeds) counts.push(keptCount(counts.at(-1)!, keep));
  return counts;
}
