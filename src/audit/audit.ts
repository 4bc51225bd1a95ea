/** An audit: the tail of every arm, and every pair of arms against each other. */
import type { Interval } from "../stats/intervals.js";
import { generator } from "../stats/random.js";
import { type ArmComparison, compareArmPairs } from "./arm-comparisons.js";
import { type ArmFigures, armFigures, QuantileBins } from "./arm-figures.js";
import { armInterval, drawsJudgement } from "./sampling-error.js";
import {
  type ArmScores,
  type AuditSettings,
  type ByTail,
  byTail,
  tailFractions,
  unitCount,
} from "./scores.js";
import { statisticValue } from "./statistic.js";
import { bootstrapDraws, bootstrapSeed, bootstrapUnits, cvarDraws } from "./unit-bootstrap.js";

export interface Audit {
  readonly arms: Readonly<Record<string, ArmFigures>>;
  readonly comparisons: readonly ArmComparison[];
}

/** @throws {RangeError} an arm has no scores, or one under the stated bound */
export function auditArms(arms: readonly ArmScores[], settings: AuditSettings): Audit {
  const bins = new QuantileBins();
  return {
    arms: Object.fromEntries(
      arms.map((arm) => [arm.name, armFigures(arm, cvarIntervals(arm), bins, settings)]),
    ),
    comparisons: compareArmPairs(arms, settings),
  };
}

function cvarIntervals(arm: ArmScores): ByTail<Interval | null> {
  const units = unitCount(arm);
  if (units === 1) return byTail(() => null);
  if (units <= bootstrapUnits) {
    const [draws] = cvarDraws([arm], tailFractions, generator(bootstrapSeed), bootstrapDraws);
    return byTail((alpha) => {
      const values = draws![tailFractions.indexOf(alpha as 0.1)]!;
      const figure = statisticValue({ kind: "cvar", alpha }, arm);
      return drawsJudgement([arm], alpha, values, figure).ci95;
    });
  }
  return byTail((alpha) => {
    const statistic = { kind: "cvar", alpha } as const;
    return armInterval(arm, statistic, statisticValue(statistic, arm));
  });
}
