/**
 * What the risk layer of a trial carries from one iteration to the next: thresholds and multipliers
 * that follow the batches, a closed loop's α', what a sampler has learned of the prompts. Part of the
 * trial's state and of its checkpoints, as β is, so that a resumed run goes on as the unbroken one.
 */

/** Numbers under names that only the part's owner reads; null: it carries nothing. */
export type MemoryPart = Readonly<Record<string, number | readonly number[]>> | null;

export interface RiskMemory {
  /** Of `risk.annealing`. */
  readonly annealing: MemoryPart;
  /** Of `risk.measure`. */
  readonly measure: MemoryPart;
  /** Of `sampling.strategy`. */
  readonly sampler: MemoryPart;
}

/** At the start of a trial. */
export const noMemory: RiskMemory = { annealing: null, measure: null, sampler: null };

/** Nothing is carried: journals and checkpoints then leave it out. */
export function isEmpty({ annealing, measure, sampler }: RiskMemory): boolean {
  return annealing === null && measure === null && sampler === null;
}
