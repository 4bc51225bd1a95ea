/** Texts for reading, and the worst episodes. Masked unless requested. */

import { groupsByPrompt } from "../../analysis/prompt-groups.js";
import { iterationName } from "../../text/iterations.js";
import { formatNumber } from "../../text/numbers.js";
import { maskText, safeText } from "../../text/safe-text.js";
import { type Block, type Cell, cells } from "../blocks.js";
import { type LastBatch, lowestRewards, type ReportData, type SampleText } from "../report-data.js";

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
    ...groupDetails(data, options),
    ...(data.samples.length === 0 ? [] : [sampleDetails(data, options)]),
  ];
}

const promptsPerArm = 3;

/** What one prompt led to: the worst prompts of each arm's last iteration, all completions of each. */
function groupDetails(data: ReportData, { showText }: TextOptions): Block[] {
  const armOf = new Map(data.trials.map((trial) => [trial.name, trial.arm]));
  const first = new Map<string, LastBatch>();
  for (const batch of data.lastBatches ?? []) {
    const arm = armOf.get(batch.trial) ?? batch.trial;
    first.set(arm, first.get(arm) ?? batch);
  }
  if (first.size === 0) {
    return [];
  }
  const visible = (text: string): string => safeText(showText ? text : maskText(text));
  return [
    {
      kind: "details",
      summary: `The worst ${promptsPerArm} prompts of each arm's last iteration, with all completions`,
      blocks: [
        {
          kind: "paragraph",
          text: "By the mean return of a prompt's completions; spread is the standard deviation of their returns.",
        },
        ...[...first].flatMap(([arm, batch]) => batchBlocks(arm, batch, visible)),
      ],
    },
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
  return groupsByPrompt(episodes, completions)
    .slice(0, promptsPerArm)
    .flatMap(({ prompt, mean, spread, episodes: members }): Block[] => {
      const known = members.flatMap((at) => textOf.get(at) ?? []);
      const said = known[0] === undefined ? "" : `: ${visible(known[0].prompt)}`;
      return [
        { kind: "subheading", text: `${arm}, ${iterationName(step)}, prompt ${prompt}${said}` },
        {
          kind: "paragraph",
          text: `Mean return ${formatNumber(mean, 2)}, spread ${formatNumber(spread, 2)}.`,
        },
        {
          kind: "table",
          head: ["completion", "return", "reward", ...components.map(([name]) => name), "weight"],
          rows: members.map((at) =>
            cells(
              known.length === 0 ? `${at}` : visible(textOf.get(at)?.completion ?? ""),
              formatNumber(episodes.return[at] ?? null, 2),
              formatNumber(episodes.reward[at] ?? null, 2),
              ...components.map(([, scores]) => formatNumber(scores[at] ?? null, 2)),
              formatNumber(episodes.weight[at] ?? null, 2),
            ),
          ),
          wordColumns: 1,
        },
      ];
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
  const visible = (text: string): string => safeText(showText ? text : maskText(text));
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
          { kind: "subheading", text: `Prompt ${prompt}: ${visible(texts[0]!.text)}` },
          {
            kind: "table",
            head: ["arm", "completion", "reward"],
            rows: texts.map((sample) => sampleRow(sample, armOf, visible)),
            wordColumns: 2,
          },
        ];
      }),
    ],
  };
}

function sampleRow(
  sample: SampleText,
  armOf: ReadonlyMap<string, string>,
  visible: (text: string) => string,
): Cell[] {
  return cells(
    armOf.get(sample.trial) ?? sample.trial,
    visible(sample.completion),
    formatNumber(sample.reward, 2),
  );
}
