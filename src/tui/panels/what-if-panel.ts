/** What was kept of a step, and what another α or measure would have kept. */
import type { Episodes } from "../../journal/events.js";
import type { NoAnswer, WhatIf, WhatIfQuestion } from "../../run-model/what-if.js";
import { wrapText } from "../../text/wrapping.js";
import { tailHistogram } from "../charts/tail-histogram.js";
import { besides, fitLine, type Line, type Look, type ViewStyle } from "../line.js";
import { alphaNumber, heading } from "./field.js";
import { modelText } from "./model-text.js";
import type { Panel, PanelSize } from "./panel.js";
import { shortWeights, weightLines } from "./weight-lines.js";
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

/** Columns from which on episodes stand beside the figures, and from which on half of them is theirs. */
const abreast = { least: 60, full: 76 };
/** Rows, where one stands below the other: of the figures, and of the episodes under their heading. */
const leastFigures = 4;
const leastWeights = 5;
/** Columns from which on an episode's place in the batch has room. */
const fullWeights = 36;
/** Columns that the figures need with all their words. */
const fullFigures = 36;
const gap = 3;

export const whatIfPanel: Panel<WhatIfInput> = {
  title: "What if",
  lines: (input, { width, height }, style) =>
    contents(input, { width, height: Math.max(0, height) }, style)
      .slice(0, Math.max(0, height))
      .map((line) => fitLine(line, width, style)),
};

function contents(input: WhatIfInput, size: PanelSize, style: ViewStyle): Line[] {
  const { step, episodes, answer } = input;
  if (step === null) {
    return said("no step yet: any step that is done can be asked about", size, { dim: true });
  }
  if (episodes === null || answer === null) {
    return said(`the episodes of step ${step} are not read yet`, size, { dim: true });
  }
  if ("reason" in answer) {
    const room = size.width * size.height;
    const why = modelText(answer.reason, { revealed: true, room, style });
    return said(`no answer: ${why}`, size, { color: "yellow" });
  }
  return body(input, episodes, answer, size, style);
}

function said(words: string, { width }: PanelSize, look: Look): Line[] {
  return wrapText(words, Math.max(1, width)).map((text): Line => [{ ...look, text }]);
}

function body(
  input: WhatIfInput,
  episodes: Episodes,
  answer: WhatIf,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const weights = (rows: number, isFull: boolean): Line[] =>
    weightLines(input.offset, episodes, answer, { rows, isFull }, style);
  if (width < abreast.least) {
    const figuresIn = (rows: number): Line[] =>
      figureLines(input, episodes, answer, { rows, isFull: true }, style);
    const all = figuresIn(height);
    // The least important figures give way to a few episodes.
    const isTight = height - all.length < leastWeights;
    const figures = isTight ? figuresIn(Math.max(leastFigures, height - leastWeights)) : all;
    const rows = height - figures.length;
    return rows < 3 ? figures : [...figures, ...weights(rows, width >= fullWeights)];
  }
  const isFull = width >= abreast.full;
  const left = isFull
    ? Math.max(fullFigures, Math.floor((width - gap) / 2))
    : width - gap - shortWeights;
  const right = width - gap - left;
  const figuresRoom = { rows: height, isFull: left >= fullFigures };
  const figures = figureLines(input, episodes, answer, figuresRoom, style);
  const chartRows = height - figures.length;
  const chart =
    chartRows < 5 ? [] : histogram(episodes, answer, { width: left, height: chartRows }, style);
  return besides(
    [
      { lines: [...figures, ...chart], width: left },
      { lines: weights(height, isFull), width: right },
    ],
    gap,
    style,
  );
}

/** What is asked, for the panel's title; it stands out once it is not what the run did. */
export function questionText(
  step: number,
  question: WhatIfQuestion,
  actual: WhatIfQuestion,
  style: ViewStyle,
): Line {
  const { measure, alpha, statistic } = question;
  const share = `${alphaName(style)} ${alphaNumber(alpha, style)}`;
  const asIs = measure === actual.measure && alpha === actual.alpha;
  return [
    { text: `step ${step}: `, dim: true },
    {
      text: `${measure}, ${share}, by ${statistic}`,
      ...(asIs ? { dim: true } : { color: "yellow" }),
    },
  ];
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
