/** What was kept of a step, and what another α or measure would have kept. */
import { Box } from "ink";
import type { ReactElement } from "react";
import type { Episodes } from "../../../journal/events.js";
import type { NoAnswer, WhatIf, WhatIfQuestion } from "../../../run-model/what-if.js";
import { tailHistogram } from "../../charts/tail-histogram.js";
import type { Line, Size, ViewStyle } from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import { Chart } from "./chart.js";
import { alphaNumber, heading, said } from "./field.js";
import { memoByValue } from "./memo-by-value.js";
import { modelText } from "./model-text.js";
import { riskPanelWords } from "./risk-panel.js";
import { figureLines, shortWeights, weightLines } from "./what-if-tables.js";

export interface WhatIfInput {
  /** Looked at; null: none is done. */
  readonly iteration: number | null;
  /** Of that iteration; null: not read. */
  readonly episodes: Episodes | null;
  readonly question: WhatIfQuestion;
  /** What the run did in that iteration: its measure, and α' in force. */
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
/** Rows of a chart that is worth a look, under its heading. */
const leastChart = 5;
/** Columns from which on an episode's place in the batch has room. */
const fullWeights = 36;
/** Columns that the figures need with all their words. */
const fullFigures = 36;
const gap = 3;

export const WhatIfPanel = memoByValue(function WhatIfPanel({
  width,
  height,
  ...input
}: WhatIfInput & Size): ReactElement {
  const style = useViewStyle();
  const { iteration, episodes, answer } = input;
  const note = (lines: Line[]) => <Lines lines={lines} width={width} height={height} />;
  if (iteration === null) {
    return note(said("no iteration yet: any that is done can be asked about", width));
  }
  if (episodes === null || answer === null) {
    return note(said(`the episodes of iteration ${iteration} are not read yet`, width));
  }
  if ("reason" in answer) {
    const why = modelText(answer.reason, { revealed: true, room: width * height, style });
    return note(said(`no answer: ${why}`, width, { color: "yellow" }));
  }
  const Body = width < abreast.least ? Stacked : Abreast;
  return <Body {...input} episodes={episodes} answer={answer} width={width} height={height} />;
});

type Answered = WhatIfInput & Size & { readonly episodes: Episodes; readonly answer: WhatIf };

/** The least important figures give way to a few episodes. */
function Stacked({ width, height, ...input }: Answered): ReactElement {
  const style = useViewStyle();
  const figuresIn = (rows: number): Line[] =>
    figureLines(input, { rows, width, isFull: true }, style);
  const all = figuresIn(height);
  const isTight = height - all.length < leastWeights;
  const figures = isTight ? figuresIn(Math.max(leastFigures, height - leastWeights)) : all;
  const rows = height - figures.length;
  const weights =
    rows < 3 ? [] : weightLines(input, { rows, width, isFull: width >= fullWeights }, style);
  return <Lines lines={[...figures, ...weights]} width={width} height={height} />;
}

function Abreast({ width, height, ...input }: Answered): ReactElement {
  const style = useViewStyle();
  const isFull = width >= abreast.full;
  const left = isFull
    ? Math.max(fullFigures, Math.floor((width - gap) / 2))
    : width - gap - shortWeights;
  const right = width - gap - left;
  const room = { rows: height, width: left, isFull: left >= fullFigures };
  const figures = figureLines(input, room, style);
  const rows = Math.min(figures.length, Math.max(0, height));
  const chartRows = height - rows;
  const { answer, episodes } = input;
  const returns = {
    values: episodes.return,
    inTail: (at: number) => answer.weights[at]! > 0,
    var: answer.var,
    cvar: answer.cvar,
  };
  return (
    <Box columnGap={gap}>
      <Box flexDirection="column" width={left} flexShrink={0}>
        <Lines lines={figures} width={left} height={rows} />
        <Chart
          title={heading("Returns", `${style.unicode ? "▓" : "#"} would be kept`)}
          draw={(options) => tailHistogram(returns, options)}
          width={left}
          height={chartRows < leastChart ? 0 : chartRows}
        />
      </Box>
      <Lines
        lines={weightLines(input, { rows: height, width: right, isFull }, style)}
        width={right}
        height={height}
      />
    </Box>
  );
}

/** What is asked, for the panel's title; it stands out once it is not what the run did. */
export function questionText(
  iteration: number,
  question: WhatIfQuestion,
  actual: WhatIfQuestion,
  style: ViewStyle,
): Line {
  const { measure, alpha } = question;
  const asIs = measure === actual.measure && alpha === actual.alpha;
  return [
    { text: `iteration ${iteration}: `, dim: true },
    {
      text: riskPanelWords(question, alphaNumber(alpha, style), style),
      ...(asIs ? { dim: true } : { color: "yellow" }),
    },
  ];
}
