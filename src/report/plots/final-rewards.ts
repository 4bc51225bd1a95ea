import type { ReportData } from "../report-data.js";

/** Raw rewards of each arm's final evaluation, all seeds together; without those that diverged. */
export function finalRewards(data: ReportData): ReadonlyMap<string, readonly number[]> {
  const rewards = new Map<string, number[]>();
  for (const arm of data.arms) {
    const values = data.trials
      .filter((trial) => trial.arm === arm && trial.final !== null)
      .flatMap((trial) => trial.final!.arrays.reward.filter((reward) => reward !== null));
    if (values.length > 0) {
      rewards.set(arm, values);
    }
  }
  return rewards;
}
