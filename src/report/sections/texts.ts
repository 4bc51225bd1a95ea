/** Texts for reading, and the worst episodes. Masked unless requested. */

import { formatNumber } from "../../text/numbers.js";
import { maskText, safeText } from "../../text/safe-text.js";
import { type Block, type Cell, cells } from "../blocks.js";
import { lowestRewards, type ReportData, type SampleText } from "../report-data.js";

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
  return [
    { kind: "heading", text: "Texts" },
    {
      kind: "details",
      summary: `The worst ${worstPerArm} episodes of each arm, in figures`,
      blocks: [
        {
          kind: "table",
          head: ["arm", "seed", "prompt", "prompt score", "reward", "judge", "KL", "tokens"],
          rows: worst.map((episode) =>
            cells(
              episode.arm,
              `${episode.seed}`,
              `${episode.prompt}`,
              formatNumber(episode.promptScore, 2),
              formatNumber(episode.reward, 2),
              formatNumber(episode.judge, 2),
              formatNumber(episode.kl, 1),
              `${episode.length}`,
            ),
          ),
          wordColumns: 1,
        },
      ],
    },
    ...(data.samples.length === 0 ? [] : [sampleDetails(data, options)]),
  ];
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
