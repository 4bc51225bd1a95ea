/**
 * One episode on a page of its own, to be read whole: its figures, its texts, and what became of its
 * prompt at other steps. Longer than its window, it scrolls.
 */
import { formatNumber } from "../../text/numbers.js";
import { lineChart } from "../charts/line-chart.js";
import { firstThatFits, flowFields, type Line, type ViewStyle } from "../line.js";
import { field, heading } from "./field.js";
import type { PanelSize } from "./panel.js";
import type { PromptVisit } from "./prompt-history.js";
import { firstRow } from "./scrolled.js";
import { tableLines } from "./table-lines.js";
import type { TailRow } from "./tail-rows.js";
import { wholeText } from "./wrapped-text.js";

export interface EpisodeView {
  readonly row: TailRow;
  /** Of its prompt, ascending by step, as far as it was read. */
  readonly history: readonly PromptVisit[];
  /** In view: pointed at. */
  readonly step: number | null;
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
export function episodePage(
  view: EpisodeView,
  from: number,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const lines = pageLines(view, width, style);
  const { rows } = extentOf(lines, height);
  const first = firstRow({ count: lines.length, selected: null, offset: from, room: rows });
  const shown = lines.slice(first, first + rows);
  return [
    titleLine(view, { first, shown: shown.length, all: lines.length }, width, style),
    ...shown,
  ];
}

export function episodePageExtent(
  view: EpisodeView,
  { width, height }: PanelSize,
  style: ViewStyle,
): PageExtent {
  return extentOf(pageLines(view, width, style), height);
}

function extentOf(lines: readonly Line[], height: number): PageExtent {
  const rows = Math.max(1, height - 1);
  return { rows, end: Math.max(0, lines.length - rows) };
}

interface Window {
  readonly first: number;
  readonly shown: number;
  readonly all: number;
}

function titleLine(
  { row, revealed }: EpisodeView,
  { first, shown, all }: Window,
  width: number,
  style: ViewStyle,
): Line {
  const range = `lines ${first + 1} to ${first + shown} of ${all}`;
  const seen = shown === all ? "" : range;
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
      [...heading(name, `${seen === "" ? `prompt ${row.prompt}` : seen}`), ...mask],
      heading(name, `${seen}`),
    ],
    width,
    style,
  );
}

function pageLines(view: EpisodeView, width: number, style: ViewStyle): Line[] {
  return [
    ...figureLines(view.row, width, style),
    ...textLines(view, width, style),
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
    field("weight", row.weight > 0 ? figure(row.weight) : "0"),
  ];
  return flowFields(fields, width, 0);
}

function textLines({ row, revealed }: EpisodeView, width: number, style: ViewStyle): Line[] {
  if (row.text === null) {
    return [[{ text: "its text was not kept for reading", dim: true }]];
  }
  const whole = (text: string): Line[] => wholeText(text, { width, revealed }, style);
  return [
    heading("Prompt"),
    ...whole(row.text.prompt),
    heading("Completion"),
    ...whole(row.text.completion),
  ];
}

function historyLines({ row, history, step }: EpisodeView, style: ViewStyle): Line[] {
  const times = history.length === 1 ? "once" : `${history.length} times`;
  const order = history.length > 1 ? ", newest first" : "";
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  return [
    heading(`Prompt ${row.prompt}`, `drawn ${times} in the steps read${order}`),
    ...tableLines(
      ["", "step", "return", "reward", "KL", "tokens", "weight"],
      history.toReversed().map((visit) => ({
        cells: [
          visit.step === step ? (style.unicode ? "▸" : ">") : "",
          String(visit.step),
          figure(visit.return),
          figure(visit.reward),
          figure(visit.kl),
          String(visit.length),
          visit.weight > 0 ? figure(visit.weight) : "0",
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
    { width, height: curveRows, style },
  );
  return [heading("Return by step"), ...chart];
}
