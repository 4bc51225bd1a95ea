/** What a reader must know before believing a run's figures: few episodes, divergence, leaks, a control that lacks. */
import type { Experiment } from "../config/schema/experiment.js";
import type { Trial } from "../config/trials.js";
import type { EvaluatedEvent } from "../journal/events.js";
import { learningTerms } from "../risk/algorithms.js";
import { tailCount } from "../risk/tail.js";
import type { Divergence } from "../text/divergence.js";
import type { Conclusion } from "./evaluation.js";
import { metricAlpha } from "./metrics.js";
import type { RunFigures } from "./trial-figures.js";

type Caution = Conclusion["cautions"][number];

/** A mean over fewer episodes says little of a tail. */
const fewestInTail = 20;
/** KL over so many times its target, or perplexity over this: the policy no longer writes text. */
const mostKlOverTarget = 10;
const mostPerplexity = 1e4;

export function cautions(
  experiment: Experiment,
  trials: readonly Trial[],
  figures: RunFigures,
  concluded: Pick<Conclusion, "headline" | "against_neutral">,
): Caution[] {
  const evaluated = trials.flatMap((trial) => {
    const own = figures.get(trial.id);
    return trial.reported && own?.final ? [{ trial, final: own.final }] : [];
  });
  const loaded = trials.flatMap((trial) => {
    const prompts = figures.get(trial.id)?.prompts ?? null;
    return prompts === null ? [] : [{ ...trial, prompts }];
  });
  return [
    ...klPlace(experiment, concluded),
    ...evaluated.flatMap(({ trial, final }) =>
      divergence(trial, final.metrics).map((sign) => ({ ...sign, trial: trial.id })),
    ),
    ...fewInTail(
      "final",
      evaluated.map(({ final }) => final),
      experiment.evaluation.tail_fraction,
    ),
    ...fewInTail(
      "frontier",
      trials.flatMap(({ id }) =>
        [...(figures.get(id)?.frontier.values() ?? [])].filter((one) => "arrays" in one),
      ),
      experiment.evaluation.tail_fraction,
    ),
    ...loaded
      .slice(0, 1)
      .flatMap(({ prompts: { overlap, test } }): Caution[] =>
        overlap > 0 ? [{ kind: "overlap", overlap, test }] : [],
      ),
    ...promptFloors(figures),
    ...fewPrompts(loaded),
  ];
}

/** An arm that differs from every risk-neutral one in where its KL is, too, may be better for that alone. */
function klPlace(
  { arms }: Experiment,
  {
    headline: { arm },
    against_neutral: { differences },
  }: Pick<Conclusion, "headline" | "against_neutral">,
): Caution[] {
  const neutral = differences.map(({ against }) => against);
  const hasLoss = (name: string) => learningTerms(arms[name]!).klForm === "loss";
  return arm !== null &&
    differences.some(({ verdict }) => verdict === "better") &&
    hasLoss(arm) &&
    !neutral.some(hasLoss)
    ? [{ kind: "kl-place", arm, neutral }]
    : [];
}

/** Signs, in figures of an evaluation, that a trial's policy has diverged. */
export function divergence(
  { stage, config }: Pick<Trial, "stage" | "config">,
  { perplexity, kl_mean }: Readonly<Record<string, number>>,
): Divergence[] {
  // Of stages the highest: none of them may call for an alarm that another one's KL is no reason for.
  const { target: first, schedule } = config.kl;
  const target = Math.max(first, ...schedule.map((stage) => stage.target ?? 0));
  return [
    ...(perplexity !== undefined && perplexity > mostPerplexity
      ? [{ kind: "perplexity" as const, perplexity }]
      : []),
    ...(stage === "rl" && kl_mean !== undefined && kl_mean > mostKlOverTarget * target
      ? [{ kind: "kl" as const, kl: kl_mean, target }]
      : []),
  ];
}

function fewInTail(
  of: "final" | "frontier",
  evaluations: readonly EvaluatedEvent[],
  fraction: number,
): Caution[] {
  if (evaluations.length === 0) {
    return [];
  }
  const scored = evaluations.map(
    ({ arrays }) => arrays.reward.filter((reward) => reward !== null).length,
  );
  const fewest = Math.max(1, Math.min(...scored));
  return (
    [
      ["tail_reward", fraction],
      ["cvar_0.1", metricAlpha],
    ] as const
  ).flatMap(([metric, part]): Caution[] => {
    const episodes = tailCount(fewest, part);
    return episodes < fewestInTail ? [{ kind: "few-in-tail", of, metric, episodes }] : [];
  });
}

/** Told by the first load of a run. */
function promptFloors(figures: RunFigures): Caution[] {
  const previews = [...figures.values()].flatMap(({ preview }) => preview ?? []);
  return previews.flatMap(({ floors, tail_fraction }) =>
    floors.map((floor): Caution => ({ kind: "prompt-floor", ...floor, tail_fraction })),
  );
}

/** Once for an arm, whatever its seeds. */
function fewPrompts(
  loaded: readonly (Trial & { readonly prompts: { readonly train: number } })[],
): Caution[] {
  const small = loaded.filter(
    ({ stage, config, prompts }) => stage === "rl" && prompts.train < learningTerms(config).prompts,
  );
  return [...new Map(small.map((trial) => [trial.arm, trial])).values()].map(
    ({ arm, config, prompts }) => ({
      kind: "few-prompts",
      arm,
      prompts: prompts.train,
      batch: learningTerms(config).prompts,
    }),
  );
}
