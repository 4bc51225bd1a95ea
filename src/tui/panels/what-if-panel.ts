/** What was kept of a step, and what another α or measure would have kept. */
import type { Episodes } from "../../experiment/events.js";
import { wrapWords } from "../../report/wrap-words.js";
import { tailHistogram } from "../charts/tail-histogram.js";
import { besides, fitLine, type Line, type ViewStyle } from "../line.js";
import type { NoAnswer, WhatIf, WhatIfQuestion } from "../what-if.js";
import { alphaNumber, heading } from "./field.js";
import { modelText } from "./model-text.js";
import type { Panel, PanelSize } from "./panel.js";
import { weightLines } from "./weight-lines.js";
import { alphaName, figureLines } from "./what-if-figures.js";

export interface WhatIfInput {
  /** Looked at; null: none is done. */
  readonly step: number | null;
  /** Of that step; null: not read. */
  readonly episodes: Episodes | null;
  readonly question: WhatIfQuestion;
  /** What the run did at that step: its measure, and α' in force. */
  readonly actual: WhatIfQuestion;
  readonly answer: WhatIf | NoAnswer | null;
  /** First row of the episodes to show. */
  readonly offset: number;
}

/** Columns from which on episodes stand beside the figures. */
const twoAbreast = 76;

export const whatIfPanel: Panel<WhatIfInput> = {
  title: "What if",
  rows: () => 17,
  lines: (input, { width, height }, style) =>
    contents(input, { width, height: Math.max(0, height) }, style)
      .slice(0, Math.max(0, height))
      .map((line) => fitLine(line, width, style)),
};

function contents(input: WhatIfInput, size: PanelSize, style: ViewStyle): Line[] {
  const { step, episodes, answer, question } = input;
  if (step === null) {
    return [[{ text: "no step yet: any step that is done can be asked about", dim: true }]];
  }
  const title = heading(
    `What if, at step ${step}`,
    `${question.measure}, ${alphaName(style)} ${alphaNumber(question.alpha, style)}, by ${question.statistic}`,
  );
  if (episodes === null || answer === null) {
    return [title, [{ text: "its episodes are not read yet", dim: true }]];
  }
  if ("reason" in answer) {
    const why = modelText(answer.reason, { revealed: true, room: size.width, style });
    const words = wrapWords(`no answer: ${why}`, size.width);
    return [title, ...words.map((text): Line => [{ text, color: "yellow" }])];
  }
  const figures = figureLines(input, episodes, answer, style);
  const room = { width: size.width, height: size.height - 1 };
  return [title, ...body(input, episodes, answer, figures, room, style)];
}

function body(
  input: WhatIfInput,
  episodes: Episodes,
  answer: WhatIf,
  figures: readonly Line[],
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  if (width < twoAbreast) {
    const rows = height - figures.length;
    return rows < 3
      ? [...figures]
      : [...figures, ...weightLines(input.offset, episodes, answer, rows, style)];
  }
  const gap = 3;
  const left = Math.max(36, Math.floor((width - gap) / 2));
  const right = width - gap - left;
  const chartRows = height - figures.length;
  const chart =
    chartRows < 5 ? [] : histogram(episodes, answer, { width: left, height: chartRows }, style);
  return besides(
    [
      { lines: [...figures, ...chart], width: left },
      { lines: weightLines(input.offset, episodes, answer, height, style), width: right },
    ],
    gap,
    style,
  );
}

function histogram(
  episodes: Episodes,
  answer: WhatIf,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const shade = style.unicode ? "▓" : "#";
  return [
    heading("Returns", `${shade} would be kept`),
    ...tailHistogram(
      {
        values: episodes.return,
        inTail: (at) => answer.weights[at]! > 0,
        var: answer.var,
        cvar: answer.cvar,
      },
      { width, height: height - 1, style },
    ),
  ];
}
