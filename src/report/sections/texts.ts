/** Texts for reading, and the worst episodes. Masked unless requested. */

import { groupsByPrompt } from "../../analysis/prompt-groups.js";
import { iterationName } from "../../text/iterations.js";
import { formatNumber } from "../../text/numbers.js";
import { maskText, safeText } from "../../text/safe-text.js";
import { type Block, cells } from "../blocks.js";
import { type LastBatch, lowestRewards, type ReportData } from "../report-data.js";

const worstPerArm = 3;
const mostPrompts = 12;

export interface TextOptions {
  /** False: only first letters show. */
  readonly showText: boolean;
}

export function textsSection(data: ReportData, options: TextOptions): Block[] {
  const worst = lowestRewards(data, worstPerArm);
  if (worst.length === 0 && data.samples.length === 0) {
    return [];
  }
  const names = [...new Set(worst.flatMap(({ components }) => Object.keys(components)))];
  return [
    { kind: "heading", text: "Texts" },
    {
      kind: "details",
      summary: `The worst ${worstPerArm} episodes of each arm, in figures`,
      blocks: [
        {
          kind: "table",
          head: [
            ...["arm", "seed", "prompt", "prompt score", "reward"],
            ...names,
            ...["judge", "KL", "tokens"],
          ],
          rows: worst.map((episode) =>
            cells(
              episode.arm,
              `${episode.seed}`,
              `${episode.prompt}`,
              formatNumber(episode.promptScore, 2),
              formatNumber(episode.reward, 2),
              ...names.map((name) => formatNumber(episode.components[name] ?? null, 2)),
              formatNumber(episode.judge, 2),
              formatNumber(episode.kl, 1),
              `${episode.length}`,
            ),
          ),
          wordColumns: 1,
        },
      ],
    },
    ...lastBatchDetails(data, options),
    ...(data.samples.length === 0 ? [] : [sampleDetails(data, options)]),
  ];
}

const promptsPerArm = 3;
const episodesPerArm = 5;

/** The worst of each arm's last iteration: prompts with all completions, or single episodes. */
function lastBatchDetails(data: ReportData, { showText }: TextOptions): Block[] {
  const armOf = new Map(data.trials.map((trial) => [trial.name, trial.arm]));
  const first = new Map<string, LastBatch>();
  for (const batch of data.lastBatches ?? []) {
    const arm = armOf.get(batch.trial) ?? batch.trial;
    first.set(arm, first.get(arm) ?? batch);
  }
  const visible = (text: string): string => (showText ? text : maskText(text));
  const blocksOf = (isGrouped: boolean): Block[] =>
    [...first]
      .filter(([, { completions }]) => completions > 1 === isGrouped)
      .flatMap(([arm, batch]) => batchBlocks(arm, batch, visible));
  const [grouped, single] = [blocksOf(true), blocksOf(false)];
  return [
    ...(grouped.length === 0
      ? []
      : [
          {
            kind: "details" as const,
            summary: `The worst ${promptsPerArm} prompts of each arm's last iteration, with all completions`,
            blocks: [
              {
                kind: "paragraph" as const,
                text: "By the mean return of a prompt's completions; spread is the standard deviation of their returns.",
              },
              ...grouped,
            ],
          },
        ]),
    ...(single.length === 0
      ? []
      : [
          {
            kind: "details" as const,
            summary: `The worst ${episodesPerArm} episodes of each arm's last iteration`,
            blocks: single,
          },
        ]),
  ];
}

function batchBlocks(arm: string, batch: LastBatch, visible: (text: string) => string): Block[] {
  const { episodes, completions, step, texts } = batch;
  if (typeof episodes === "string") {
    const text = `${arm}: the episodes of ${iterationName(step)} cannot be read: ${safeText(episodes)}`;
    return [{ kind: "warning", text }];
  }
  const textOf = new Map(texts.map((text) => [text.episode, text]));
  const components = Object.entries(episodes.components ?? {});
  const figures = (at: number): string =>
    [
      `return ${formatNumber(episodes.return[at] ?? null, 2)}`,
      `reward ${formatNumber(episodes.reward[at] ?? null, 2)}`,
      ...components.map(([name, scores]) => `${name} ${formatNumber(scores[at] ?? null, 2)}`),
      `weight ${formatNumber(episodes.weight[at] ?? null, 2)}`,
    ].join(", ");
  const groups = groupsByPrompt(episodes, completions);
  const shown =
    completions > 1
      ? groups.slice(0, promptsPerArm)
      : groups.filter(({ episodes: [at] }) => textOf.has(at!)).slice(0, episodesPerArm);
  return shown.map(({ prompt, mean, spread, episodes: members }): Block => {
    const known = members.flatMap((at) => textOf.get(at) ?? []);
    const together =
      completions > 1
        ? `, mean return ${formatNumber(mean, 2)}, spread ${formatNumber(spread, 2)}`
        : "";
    return {
      kind: "texts",
      prompt: {
        label: `${arm}, ${iterationName(step)}, prompt ${prompt}${together}`,
        text: known[0] === undefined ? null : visible(known[0].prompt),
      },
      completions: members.map((at) => {
        const text = textOf.get(at);
        return { label: figures(at), text: text === undefined ? null : visible(text.completion) };
      }),
    };
  });
}

function sampleDetails(data: ReportData, { showText }: TextOptions): Block {
  const armOf = new Map(data.trials.map((trial) => [trial.name, trial.arm]));
  const firstTrial = new Map<string, string>();
  for (const { trial } of data.samples) {
    const arm = armOf.get(trial) ?? trial;
    if (!firstTrial.has(arm)) {
      firstTrial.set(arm, trial);
    }
  }
  const shown = data.samples.filter(
    ({ trial }) => firstTrial.get(armOf.get(trial) ?? trial) === trial,
  );
  const prompts = [...new Set(shown.map(({ prompt }) => prompt))].slice(0, mostPrompts);
  const visible = (text: string): string => (showText ? text : maskText(text));
  return {
    kind: "details",
    summary: showText
      ? "Sampled texts (a model wrote them; they may be offensive)"
      : "Sampled texts, masked (a model wrote them; they may be offensive)",
    blocks: [
      {
        kind: "warning",
        text: showText
          ? "These texts are printed as the models wrote them and may be offensive. They are no one's opinion."
          : "Words show their first letter only. Write the report again with --show-text to read them; they may be offensive.",
      },
      ...prompts.flatMap((prompt): Block[] => {
        const texts = shown.filter((sample) => sample.prompt === prompt);
        return [
          {
            kind: "texts",
            prompt: { label: `prompt ${prompt}`, text: visible(texts[0]!.text) },
            completions: texts.map(({ trial, completion, reward }) => ({
              label: `${armOf.get(trial) ?? trial}, reward ${formatNumber(reward, 2)}`,
              text: visible(completion),
            })),
          },
        ];
      }),
    ],
  };
}
