/** Every pair of arms, on the units that both have. */
import { holm } from "../stats/holm.js";
import type { Interval } from "../stats/intervals.js";
import { generator } from "../stats/random.js";
import { drawsJudgement, independentJudgement, pairedJudgement } from "./sampling-error.js";
import {
  type ArmScores,
  type AuditSettings,
  intervalInUserUnits,
  inUserUnits,
  sortedArm,
  tailFractions,
  unitCount,
  unitsPresent,
} from "./scores.js";
import { type Statistic, statisticValue } from "./statistic.js";
import { bootstrapDraws, bootstrapSeed, bootstrapUnits, cvarDraws } from "./unit-bootstrap.js";

export interface ArmComparison {
  readonly a: string;
  readonly b: string;
  /** `mean`, `cvar_0.01` … `cvar_0.25`, `harm_rate`. */
  readonly metric: string;
  /** a − b, in the user's units, over what both have. */
  readonly difference: number;
  /** Null: a single unit. */
  readonly ci95: Interval | null;
  /** Two-sided; null: a single unit. */
  readonly p: number | null;
  /** Corrected for all comparisons of the audit (Holm). */
  readonly p_holm: number | null;
  readonly method: "student-t" | "bootstrap";
  readonly paired: boolean;
  /** Paired: rows or prompts that both have. Else those of both. */
  readonly units: number;
}

export function compareArmPairs(
  arms: readonly ArmScores[],
  settings: AuditSettings,
): ArmComparison[] {
  const found = arms.flatMap((a, at) =>
    arms.slice(at + 1).flatMap((b) => comparePair(a, b, settings)),
  );
  const corrected = holm(found.map(({ p }) => p));
  return found.map((row, at) => ({ ...row, p_holm: corrected[at]! }));
}

type Uncorrected = Omit<ArmComparison, "p_holm">;

function comparePair(a: ArmScores, b: ArmScores, settings: AuditSettings): Uncorrected[] {
  const pair = sharedUnits(a, b);
  const first = pair?.a ?? a;
  const second = pair?.b ?? b;
  const units = pair?.units ?? unitCount(a) + unitCount(b);
  const threshold =
    settings.harmThreshold === null ? null : inUserUnits(settings.harmThreshold, settings);
  const statistics: [string, Statistic][] = [
    ["mean", { kind: "mean" }],
    ...tailFractions.map((alpha): [string, Statistic] => [
      `cvar_${alpha}`,
      { kind: "cvar", alpha },
    ]),
    ...(threshold === null
      ? []
      : [["harm_rate", { kind: "harm", threshold }] as [string, Statistic]]),
  ];
  const draws = units <= bootstrapUnits ? differenceDraws(first, second, pair !== null) : null;
  return statistics.map(([metric, statistic]): Uncorrected => {
    const difference = statisticValue(statistic, first) - statisticValue(statistic, second);
    const drawn =
      statistic.kind === "cvar" && draws !== null && Math.min(...[first, second].map(unitCount)) > 1
        ? drawsJudgement(
            [first, second],
            statistic.alpha,
            draws[tailFractions.indexOf(statistic.alpha as 0.1)]!,
            difference,
          )
        : null;
    const test = pair === null ? independentJudgement : pairedJudgement;
    const { ci95, p } = drawn ?? test(first, second, statistic, difference);
    const isRate = statistic.kind === "harm";
    return {
      a: a.name,
      b: b.name,
      metric,
      difference: isRate ? difference : inUserUnits(difference, settings),
      ci95: isRate ? ci95 : intervalInUserUnits(ci95, settings),
      p,
      method: drawn === null ? "student-t" : "bootstrap",
      paired: pair !== null,
      units,
    };
  });
}

/** By α; arms that share no units are drawn apart. */
function differenceDraws(a: ArmScores, b: ArmScores, paired: boolean): Float64Array[] {
  const random = generator(bootstrapSeed);
  const [first, second] = paired
    ? cvarDraws([a, b], tailFractions, random, bootstrapDraws)
    : [a, b].flatMap((arm) => cvarDraws([arm], tailFractions, random, bootstrapDraws));
  return first!.map((values, at) => values.map((value, draw) => value - second![at]![draw]!));
}

/** Both arms' scores of the units that both have; null: there are none. */
function sharedUnits(
  a: ArmScores,
  b: ArmScores,
): { readonly a: ArmScores; readonly b: ArmScores; readonly units: number } | null {
  const inA = unitsPresent(a);
  const both = unitsPresent(b);
  let units = 0;
  for (let unit = 0; unit < both.length; unit += 1) {
    both[unit] = (inA[unit] ?? 0) & both[unit]!;
    units += both[unit]!;
  }
  return units === 0 ? null : { a: restricted(a, both), b: restricted(b, both), units };
}

function restricted(arm: ArmScores, units: Uint8Array): ArmScores {
  if (arm.units.every((unit) => units[unit] === 1)) return arm;
  const kept = Uint32Array.from(arm.units.keys()).filter((at) => units[arm.units[at]!] === 1);
  return sortedArm({
    ...arm,
    scores: Float64Array.from(kept, (at) => arm.scores[at]!),
    units: Int32Array.from(kept, (at) => arm.units[at]!),
  });
}
