/** What a reader must know before believing a run's figures: few episodes, divergence, leaks. */
import type { Experiment } from "../config/schema/experiment.js";
import type { Trial } from "../config/trials.js";
import { tailCount } from "../risk/tail.js";
import type { Conclusion } from "./evaluation.js";
import { metricAlpha } from "./metrics.js";
import type { RunFigures } from "./trial-figures.js";

type Caution = Conclusion["cautions"][number];

/** A mean over fewer episodes says little of a tail. */
export const fewestInTail = 20;
/** KL over so many times its target, or perplexity over this: the policy no longer writes text. */
export const mostKlOverTarget = 10;
export const mostPerplexity = 1e4;

export function cautions(
  experiment: Experiment,
  trials: readonly Trial[],
  figures: RunFigures,
): Caution[] {
  const evaluated = trials.flatMap((trial) => {
    const own = figures.get(trial.id);
    return trial.reported && own?.final ? [{ trial, final: own.final }] : [];
  });
  return [
    ...evaluated.flatMap(({ trial, final }) => divergence(trial, final.metrics)),
    ...fewInTail(
      evaluated.map(({ final }) => final.arrays.reward.filter((one) => one !== null).length),
      experiment.evaluation.tail_quantile,
    ),
  ];
}

function divergence(
  { id, stage, config }: Trial,
  { perplexity, kl_mean }: Readonly<Record<string, number>>,
): Caution[] {
  const { target } = config.kl;
  return [
    ...(perplexity !== undefined && perplexity > mostPerplexity
      ? [{ kind: "perplexity" as const, trial: id, perplexity }]
      : []),
    ...(stage === "rl" && kl_mean !== undefined && kl_mean > mostKlOverTarget * target
      ? [{ kind: "kl" as const, trial: id, kl: kl_mean, target }]
      : []),
  ];
}

/** @param counts completions with a reward, one for each final evaluation */
function fewInTail(counts: readonly number[], fraction: number): Caution[] {
  if (counts.length === 0) {
    return [];
  }
  const fewest = Math.max(1, Math.min(...counts));
  return (
    [
      ["tail_reward", fraction],
      ["cvar_0.1", metricAlpha],
    ] as const
  ).flatMap(([metric, share]): Caution[] => {
    const episodes = tailCount(fewest, share);
    return episodes < fewestInTail ? [{ kind: "few-in-tail", metric, episodes }] : [];
  });
}
