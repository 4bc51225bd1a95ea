/**
 * One episode, or all completions of one prompt, on a page of their own, to be read whole: figures,
 * texts, and what became of the prompt at other iterations. Longer than its window, it scrolls.
 */
import type { ReactElement } from "react";
import { formatNumber } from "../../../text/numbers.js";
import { lineChart } from "../../charts/line-chart.js";
import {
  cutText,
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
import { modelText, wholeText } from "./model-text.js";
import type { TailGroup, TailRow } from "./tail-rows.js";

export interface EpisodeView {
  readonly row: TailRow;
  /** The prompt, whose completions are all on the page; null: the episode alone. */
  readonly group: TailGroup | null;
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
  { row, group, revealed }: EpisodeView,
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
  const name = group === null ? `Episode ${row.episode}` : `Prompt ${row.prompt}`;
  const what =
    group === null ? `prompt ${row.prompt}` : `${group.members.length} completions, worst first`;
  const more = seen === "" ? "" : `  ${seen}`;
  return firstThatFits(
    [
      [...heading(name, `${what}${more}, Esc goes back`), ...mask],
      [...heading(name, seen === "" ? what : seen), ...mask],
      heading(name, seen),
    ],
    width,
    style,
  );
}

function pageLines(view: EpisodeView, width: number, style: ViewStyle): Line[] {
  const own =
    view.group === null
      ? [...figureLines(view.row, width, style), ...textLines(view, width)]
      : groupLines(view.group, view.revealed, width, style);
  return [...own, [], ...historyLines(view, style), ...curveLines(view.history, width, style)];
}

function figureLines(row: TailRow, width: number, style: ViewStyle): Line[] {
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  const fields = [
    field("rank", String(row.rank)),
    field("return", figure(row.return)),
    field("raw reward", figure(row.reward)),
    ...Object.entries(row.components).map(([name, score]) =>
      field(componentName(name, style), figure(score)),
    ),
    field("KL", figure(row.kl)),
    field("tokens", String(row.length)),
    field("weight", weightText(row.weight, style)),
    ...(row.advantage === null ? [] : [field("advantage", figure(row.advantage))]),
  ];
  return flowFields(fields, width);
}

/** What is long is cut: a component's name may have 64 characters. */
export function componentName(name: string, style: ViewStyle, room = 24): string {
  return cutText(modelText(name, { revealed: true, room, style }), room, style);
}

/** The prompt's figures and its text, then each completion under its own figures. */
function groupLines(
  { rank, mean, spread, members }: TailGroup,
  revealed: boolean,
  width: number,
  style: ViewStyle,
): Line[] {
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  const kept = members.filter(({ weight }) => weight > 0).length;
  const prompt = members.find(({ text }) => text !== null)?.text?.prompt ?? null;
  return [
    ...flowFields(
      [
        field("rank", String(rank)),
        field("mean return", figure(mean)),
        field("spread", figure(spread)),
        field("kept", `${kept} of ${members.length}`),
      ],
      width,
    ),
    ...(prompt === null ? [] : [heading("Prompt"), ...wholeText(prompt, { width, revealed })]),
    ...members.flatMap((member, at): Line[] => [
      [],
      heading(`Completion ${at + 1} of ${members.length}`, `episode ${member.episode}`),
      ...figureLines(member, width, style),
      ...(member.text === null
        ? [[{ text: "its text was not kept for reading", dim: true }]]
        : wholeText(member.text.completion, { width, revealed })),
    ]),
  ];
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

function historyLines({ row, group, history, iteration }: EpisodeView, style: ViewStyle): Line[] {
  const times =
    group !== null
      ? `with ${history.length} completions`
      : history.length === 1
        ? "once"
        : `${history.length} times`;
  const order = history.length > 1 ? ", newest first" : "";
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  return [
    heading(`Prompt ${row.prompt}`, `drawn ${times} in the iterations read${order}`),
    ...tableLines(
      ["", "iteration", "return", "raw reward", "KL", "tokens", "weight"],
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
