/**
 * One episode on a page of its own, to be read whole: its figures, its texts, and what became of its
 * prompt at other iterations. Longer than its window, it scrolls.
 */
import type { ReactElement } from "react";
import { formatNumber } from "../../../text/numbers.js";
import { lineChart } from "../../charts/line-chart.js";
import {
  firstThatFits,
  flowFields,
  type Line,
  type Size,
  type ViewStyle,
} from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { firstRow } from "../../terminal/scroll.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import type { PromptVisit } from "./episodes-of-step.js";
import { field, heading, tableLines, weightText } from "./field.js";
import { wholeText } from "./model-text.js";
import type { TailRow } from "./tail-rows.js";

export interface EpisodeView {
  readonly row: TailRow;
  /** Of its prompt, ascending by iteration, as far as it was read. */
  readonly history: readonly PromptVisit[];
  /** In view: pointed at. */
  readonly iteration: number | null;
  readonly revealed: boolean;
}

/** How far a page scrolls. */
export interface PageExtent {
  /** Lines of it that are seen at a time. */
  readonly rows: number;
  /** First line of its last window. */
  readonly end: number;
}

/** @param from first line of the page to show; beyond the end: the last that fills the window */
export function EpisodePage({
  view,
  from,
  width,
  height,
}: Size & { readonly view: EpisodeView; readonly from: number }): ReactElement {
  const style = useViewStyle();
  const lines = pageLines(view, width, style);
  const { rows } = extentOf(lines, height);
  const first = firstRow({ count: lines.length, selected: null, offset: from, room: rows });
  const shown = lines.slice(first, first + rows);
  const seen =
    shown.length === lines.length
      ? ""
      : `lines ${first + 1} to ${first + shown.length} of ${lines.length}`;
  return (
    <Lines lines={[titleLine(view, seen, width, style), ...shown]} width={width} height={height} />
  );
}

export function pageExtent(
  view: EpisodeView,
  { width, height }: Size,
  style: ViewStyle,
): PageExtent {
  return extentOf(pageLines(view, width, style), height);
}

function extentOf(lines: readonly Line[], height: number): PageExtent {
  const rows = Math.max(1, height - 1);
  return { rows, end: Math.max(0, lines.length - rows) };
}

function titleLine(
  { row, revealed }: EpisodeView,
  seen: string,
  width: number,
  style: ViewStyle,
): Line {
  const mask: Line =
    row.text === null
      ? []
      : revealed
        ? [{ text: "  texts revealed", color: "yellow" }]
        : [{ text: "  texts masked, t reveals", dim: true }];
  const name = `Episode ${row.episode}`;
  const more = seen === "" ? "" : `  ${seen}`;
  return firstThatFits(
    [
      [...heading(name, `prompt ${row.prompt}${more}, Esc goes back`), ...mask],
      [...heading(name, seen === "" ? `prompt ${row.prompt}` : seen), ...mask],
      heading(name, seen),
    ],
    width,
    style,
  );
}

function pageLines(view: EpisodeView, width: number, style: ViewStyle): Line[] {
  return [
    ...figureLines(view.row, width, style),
    ...textLines(view, width),
    [],
    ...historyLines(view, style),
    ...curveLines(view.history, width, style),
  ];
}

function figureLines(row: TailRow, width: number, style: ViewStyle): Line[] {
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  const fields = [
    field("rank", String(row.rank)),
    field("return", figure(row.return)),
    field("reward", figure(row.reward)),
    field("KL", figure(row.kl)),
    field("tokens", String(row.length)),
    field("weight", weightText(row.weight, style)),
  ];
  return flowFields(fields, width);
}

function textLines({ row, revealed }: EpisodeView, width: number): Line[] {
  return row.text === null
    ? [[{ text: "its text was not kept for reading", dim: true }]]
    : [
        heading("Prompt"),
        ...wholeText(row.text.prompt, { width, revealed }),
        heading("Completion"),
        ...wholeText(row.text.completion, { width, revealed }),
      ];
}

function historyLines({ row, history, iteration }: EpisodeView, style: ViewStyle): Line[] {
  const times = history.length === 1 ? "once" : `${history.length} times`;
  const order = history.length > 1 ? ", newest first" : "";
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  return [
    heading(`Prompt ${row.prompt}`, `drawn ${times} in the iterations read${order}`),
    ...tableLines(
      ["", "iteration", "return", "reward", "KL", "tokens", "weight"],
      history.toReversed().map((visit) => ({
        cells: [
          visit.iteration === iteration ? (style.unicode ? "▸" : ">") : "",
          String(visit.iteration),
          figure(visit.return),
          figure(visit.reward),
          figure(visit.kl),
          String(visit.length),
          weightText(visit.weight, style),
        ],
        look: visit.weight > 0 ? { color: "red" } : {},
      })),
    ),
  ];
}

/** Rows of the returns' curve. */
const curveRows = 10;

function curveLines(history: readonly PromptVisit[], width: number, style: ViewStyle): Line[] {
  if (history.length < 2) {
    return [];
  }
  const series = {
    xs: history.map(({ iteration }) => iteration),
    ys: history.map((visit) => visit.return),
    look: { color: "cyan" as const },
  };
  return [
    heading("Return by iteration"),
    ...lineChart({ series: [series], x: null }, { width, height: curveRows, style }),
  ];
}
