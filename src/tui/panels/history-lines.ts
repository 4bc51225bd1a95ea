/** One prompt over the steps: its visits as a table, and where there is room its returns as a curve. */
import { formatNumber } from "../../report/number-format.js";
import { lineChart } from "../charts/line-chart.js";
import type { Line, ViewStyle } from "../line.js";
import { heading } from "./field.js";
import type { PanelSize } from "./panel.js";
import type { PromptVisit } from "./prompt-history.js";
import { firstRow } from "./scrolled.js";
import { tableLines } from "./table-lines.js";
import type { TailRow } from "./tail-rows.js";
import { wrappedText } from "./wrapped-text.js";

export interface HistoryView {
  /** In view: pointed at. */
  readonly step: number | null;
  readonly revealed: boolean;
  /** Rows scrolled back from the newest. */
  readonly offset: number;
}

/** Rows from which on the returns of a prompt are drawn, too. */
const curveFrom = 14;

export function historyLines(
  history: readonly PromptVisit[],
  row: TailRow,
  input: HistoryView,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const times = history.length === 1 ? "once" : `${history.length} times`;
  const top: Line[] = [
    heading(`Prompt ${row.prompt}`, `drawn ${times} in the steps read; Esc goes back`),
    ...(row.text === null || height < 6
      ? []
      : wrappedText(
          { name: "prompt", text: row.text.prompt, most: 2, width, revealed: input.revealed },
          style,
        )),
  ];
  const hasCurve = height >= curveFrom && history.length > 1;
  const curveRows = hasCurve ? Math.floor((height - top.length) / 2) : 0;
  const room = Math.max(1, height - top.length - curveRows - 1);
  const first = firstRow({
    count: history.length,
    selected: null,
    // The newest visits matter most until one scrolls back.
    offset: history.length - room - input.offset,
    room,
  });
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  const table = tableLines(
    ["", "step", "return", "reward", "KL", "tokens", "weight"],
    history.slice(first, first + room).map((visit) => ({
      cells: [
        visit.step === input.step ? (style.unicode ? "▸" : ">") : "",
        String(visit.step),
        figure(visit.return),
        figure(visit.reward),
        figure(visit.kl),
        String(visit.length),
        visit.weight > 0 ? figure(visit.weight) : "0",
      ],
      look: visit.weight > 0 ? { color: "red" } : {},
    })),
  );
  return hasCurve
    ? [...top, ...table, ...returnCurve(history, { width, height: curveRows }, style)]
    : [...top, ...table];
}

function returnCurve(
  history: readonly PromptVisit[],
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const chart = lineChart(
    {
      series: [
        {
          xs: history.map(({ step }) => step),
          ys: history.map((visit) => visit.return),
          look: { color: "cyan" },
        },
      ],
      x: null,
    },
    { width, height: height - 1, style },
  );
  return [heading("Return by step"), ...chart];
}
