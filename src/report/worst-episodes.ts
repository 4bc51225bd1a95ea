/** The completions that an arm's tail is made of. */
import type { ReportData, SampleText } from "./report-data.js";

export interface WorstEpisode {
  readonly arm: string;
  readonly seed: number;
  /** Id in the test set. */
  readonly prompt: number;
  /** Raw score of the prompt alone; null where it was not finite. */
  readonly promptScore: number | null;
  readonly reward: number;
  readonly judge: number | null;
  readonly kl: number | null;
  readonly length: number;
  /** Where this very completion is among the samples. */
  readonly text: SampleText | null;
}

/** The `count` lowest rewards of each arm's final evaluations, all seeds together, worst first. */
export function worstEpisodes(data: ReportData, count: number): WorstEpisode[] {
  return data.arms.flatMap((arm) =>
    data.trials
      .filter((trial) => trial.arm === arm && trial.final !== null)
      .flatMap((trial) => {
        const { arrays } = trial.final!;
        return arrays.reward.flatMap((reward, at): WorstEpisode[] =>
          reward === null
            ? []
            : [
                {
                  arm,
                  seed: trial.seed,
                  prompt: arrays.prompt[at]!,
                  promptScore: arrays.prompt_score[at] ?? null,
                  reward,
                  judge: arrays.judge?.[at] ?? null,
                  kl: arrays.kl[at] ?? null,
                  length: arrays.length[at]!,
                  text:
                    data.samples.find(
                      (text) => text.trial === trial.name && text.prompt === arrays.prompt[at],
                    ) ?? null,
                },
              ],
        );
      })
      .sort((a, b) => a.reward - b.reward || a.seed - b.seed || a.prompt - b.prompt)
      .slice(0, count),
  );
}
