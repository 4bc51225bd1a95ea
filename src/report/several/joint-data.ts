/** Several runs' arms as if they were of one, for plots. */
import type { ReportData } from "../report-data.js";

export interface LetteredRun {
  /** Before the names of its arms: `B`. */
  readonly letter: string;
  readonly data: ReportData;
}

/** @param isShown by the arm's name with its run's letter */
export function jointData(
  runs: readonly LetteredRun[],
  isShown: (label: string) => boolean,
): ReportData {
  const first = runs[0]!.data;
  const joined = <Value>(
    of: (data: ReportData) => Readonly<Record<string, Value>>,
  ): Record<string, Value> =>
    Object.fromEntries(
      runs
        .flatMap(({ letter, data }) =>
          Object.entries(of(data)).map(([arm, value]) => [`${letter} ${arm}`, value] as const),
        )
        .filter(([label]) => isShown(label)),
    );
  const labelled = (letter: string, arms: readonly string[]): string[] =>
    arms.map((arm) => `${letter} ${arm}`).filter(isShown);
  return {
    ...first,
    arms: runs.flatMap(({ letter, data }) => labelled(letter, data.arms)),
    trials: runs.flatMap(({ letter, data }) =>
      data.trials
        .map((trial) => ({ ...trial, arm: `${letter} ${trial.arm}` }))
        .filter(({ arm }) => isShown(arm)),
    ),
    evaluation: {
      ...first.evaluation,
      arms: joined(({ evaluation }) => evaluation.arms),
      frontier: joined(({ evaluation }) => evaluation.frontier),
    },
    run: {
      ...first.run,
      experiment: {
        ...first.run.experiment,
        arms: joined(({ run }) => run.experiment.arms),
      },
    },
  };
}
