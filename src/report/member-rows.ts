/** What each reward component and each judge says of an arm by itself, as rows of a table. */
import type { ArmMetrics } from "../analysis/evaluation.js";
import { familyMember, type MetricFamily, metricWords } from "../text/metric-words.js";
import type { MetricColumn } from "./metric-columns.js";

type Metrics = ArmMetrics["metrics"];

export interface MemberRow {
  readonly arm: string;
  readonly of: "component" | "judge";
  /** Null: the first judge, whose figures bear no name. */
  readonly name: string | null;
  readonly seeds: readonly number[];
  /** Under the names of {@link memberColumns}. */
  readonly metrics: Metrics;
}

/** Figure of one component or judge → its column. */
const placeOf: Readonly<Record<MetricFamily, "reward_mean" | "tail_reward" | "cvar_0.1">> = {
  reward_mean: "reward_mean",
  tail_reward: "tail_reward",
  "cvar_0.1": "cvar_0.1",
  judge_reward: "reward_mean",
  judge_tail: "tail_reward",
};

export const memberColumns: readonly MetricColumn[] = (
  [
    ["reward_mean", "mean score"],
    ["tail_reward", "tail score"],
    ["cvar_0.1", null],
  ] as const
).map(([metric, title], rank) => ({
  metric,
  ...metricWords[metric],
  ...(title === null ? {} : { title, ascii: title }),
  rank,
}));

/**
 * Arm by arm its components, then its judges, in the order of the figures. Empty where there is one
 * component and at most one judge: the results have their figures.
 */
export function memberRows(arms: Readonly<Record<string, ArmMetrics>>): MemberRow[] {
  return Object.entries(arms).flatMap(([arm, { seeds, metrics }]) => {
    const rows = new Map<string, MemberRow>();
    for (const [metric, figures] of Object.entries(metrics)) {
      const member = familyMember(metric);
      if (member !== null) {
        const { family, of, name } = member;
        const key = `${of} ${name}`;
        const row = rows.get(key) ?? { arm, of, name, seeds, metrics: {} };
        row.metrics[placeOf[family]] = figures;
        rows.set(key, row);
      }
    }
    const own = [...rows.values()];
    const judges = own.filter(({ of }) => of === "judge");
    const first = judges.length === 0 ? [] : firstJudge(arm, seeds, metrics);
    return [...own.filter(({ of }) => of === "component"), ...first, ...judges];
  });
}

function firstJudge(arm: string, seeds: readonly number[], metrics: Metrics): MemberRow[] {
  const { judge_reward, judge_tail } = metrics;
  const figures = {
    ...(judge_reward === undefined ? {} : { reward_mean: judge_reward }),
    ...(judge_tail === undefined ? {} : { tail_reward: judge_tail }),
  };
  return judge_reward === undefined && judge_tail === undefined
    ? []
    : [{ arm, of: "judge", name: null, seeds, metrics: figures }];
}

/** `politeness` · `judge toxicity` · `first judge` */
export function memberLabel({ of, name }: Pick<MemberRow, "of" | "name">): string {
  return name === null ? "first judge" : of === "judge" ? `judge ${name}` : name;
}
