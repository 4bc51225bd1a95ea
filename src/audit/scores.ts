/** What an audit is computed from: every arm's scores, turned so that bad is low. */
import type { Interval } from "../stats/intervals.js";

/** Fractions that VaR, CVaR and their bounds are reported at; as keys of the record. */
export const tailFractions = [0.01, 0.05, 0.1, 0.25] as const;

export type TailKey = `${(typeof tailFractions)[number]}`;

export type ByTail<T> = Readonly<Record<TailKey, T>>;

export function byTail<T>(figure: (alpha: number) => T): ByTail<T> {
  return Object.fromEntries(tailFractions.map((alpha) => [`${alpha}`, figure(alpha)])) as Record<
    TailKey,
    T
  >;
}

export interface ArmScores {
  readonly name: string;
  /** Finite; negated where higher is worse. */
  readonly scores: Float64Array;
  /** The same, ascending. */
  readonly sorted: Float64Array;
  /**
   * What each score was drawn with: its row, or its prompt. Scores of one unit depend on each other,
   * units do not; the same number in two arms is the same unit, which pairs them.
   */
  readonly units: Int32Array;
  /** Scores of the prompts alone, negated as the scores are; null: none are given. */
  readonly promptScores: Float64Array | null;
  /** KL-penalised returns, in the scores' own sign (higher is better); null: none are given. */
  readonly returns: Float64Array | null;
}

/** With its scores sorted: once, since a million take a while. */
export function sortedArm(arm: Omit<ArmScores, "sorted">): ArmScores {
  return { ...arm, sorted: new Float64Array(arm.scores).sort() };
}

export interface AuditSettings {
  /** Harm is a score strictly worse than it, in the user's units; null: none is stated. */
  readonly harmThreshold: number | null;
  /** Scores were negated: figures are turned back into the user's units. */
  readonly higherIsWorse: boolean;
  /** Worst score that can be, in the user's units; null: none is stated. */
  readonly bound: number | null;
  /** Of each certified bound, in [0.5, 1). */
  readonly level: number;
  /** Units are prompts, not rows. */
  readonly byPrompt: boolean;
  /** β of the KL penalty; null: no returns are given. */
  readonly beta: number | null;
}

/** A figure in the user's units; 0 and not −0. */
export function inUserUnits(figure: number, { higherIsWorse }: Direction): number {
  return higherIsWorse ? 0 - figure : figure;
}

export function intervalInUserUnits(
  interval: Interval | null,
  direction: Direction,
): Interval | null {
  if (interval === null) return null;
  const [low, high] = interval;
  return direction.higherIsWorse ? [0 - high, 0 - low] : [low, high];
}

type Direction = Pick<AuditSettings, "higherIsWorse">;

/** 1 at each unit that an arm has. */
export function unitsPresent({ units }: Pick<ArmScores, "units">): Uint8Array {
  const present = new Uint8Array(highestUnit(units) + 1);
  for (let at = 0; at < units.length; at += 1) present[units[at]!] = 1;
  return present;
}

export function unitCount(arm: Pick<ArmScores, "units">): number {
  const present = unitsPresent(arm);
  let count = 0;
  for (let unit = 0; unit < present.length; unit += 1) count += present[unit]!;
  return count;
}

export function highestUnit(units: Int32Array): number {
  let highest = 0;
  for (let at = 0; at < units.length; at += 1) if (units[at]! > highest) highest = units[at]!;
  return highest;
}
