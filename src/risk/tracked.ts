/** Numbers that follow the batches by plain stochastic gradient descent; part of the risk memory. */

import { nthLowest } from "../stats/order.js";
import type { MemoryPart } from "./memory.js";
import { tailCount } from "./tail.js";

/** The ⌈pB⌉-th lowest. */
export function quantileOf(values: ArrayLike<number>, level: number): number {
  return nthLowest(values, tailCount(values.length, level));
}

/** The fraction of values under a threshold. */
export function fractionUnder(values: ArrayLike<number>, threshold: number): number {
  let under = 0;
  for (let index = 0; index < values.length; index += 1) {
    under += values[index]! < threshold ? 1 : 0;
  }
  return under / values.length;
}

/**
 * q + η·(1 − F(q)/p): the step of stochastic gradient ascent on q − E[(q − X)₊]/p (Rockafellar &
 * Uryasev 2000), whose maximum is at the p-quantile. F: fraction of the batch under q.
 *
 * @param level p in (0, 1]
 * @param rate η > 0, in the values' unit
 */
export function followedQuantile(
  values: ArrayLike<number>,
  quantile: number,
  level: number,
  rate: number,
): number {
  return quantile + rate * (1 - fractionUnder(values, quantile) / level);
}

/**
 * A quantile that follows the batches (`followedQuantile`) while its level stays. Where the level has
 * moved, as α' does while it is annealed, it is taken anew from the batch: steps of η would lag behind.
 *
 * @param name of the quantile in the memory
 * @returns the quantile in force, and what to remember
 */
export function followed(
  values: ArrayLike<number>,
  { memory, name, level, rate }: { memory: MemoryPart; name: string; level: number; rate: number },
): { readonly now: number; readonly memory: NonNullable<MemoryPart> } {
  const now =
    memory?.level === level
      ? remembered(memory, name, () => quantileOf(values, level))
      : quantileOf(values, level);
  return { now, memory: { [name]: followedQuantile(values, now, level, rate), level } };
}

/** A number of the memory; `fallback` at the first step. */
export function remembered(memory: MemoryPart, name: string, fallback: () => number): number {
  const value = memory?.[name];
  return typeof value === "number" ? value : fallback();
}
