/** The worst episodes of a step, one a line, and the selected one's text below; or that one alone. */

import type { EpisodeText } from "../../engine/ports.js";
import type { Episodes } from "../../journal/events.js";
import { formatNumber } from "../../text/numbers.js";
import { wrapText } from "../../text/wrapping.js";
import { fitLine, type Line, lineWidth, type ViewStyle } from "../line.js";
import {
  type EpisodeView,
  episodePage,
  episodePageExtent,
  type PageExtent,
} from "./episode-page.js";
import { heading, shortNumber } from "./field.js";
import { modelText } from "./model-text.js";
import type { Panel, PanelSize } from "./panel.js";
import type { PromptVisit } from "./prompt-history.js";
import { clampedRow, firstRow } from "./scrolled.js";
import { tableLines } from "./table-lines.js";
import { type TailRow, tailRows } from "./tail-rows.js";
import { wrappedText } from "./wrapped-text.js";

export interface TailInput {
  /** In view; null: none is done. */
  readonly step: number | null;
  /** Of that step; null: not read. */
  readonly episodes: Episodes | null;
  readonly texts: readonly EpisodeText[];
  /** False: texts are masked. */
  readonly revealed: boolean;
  /** Words that all have to hold; see `tailRows`. */
  readonly filter: string;
  /** Index into `tailRows`; out of range: the nearest. */
  readonly selected: number;
  /** First row to show, moved so far that the selection is in view; or first line of the page. */
  readonly offset: number;
  /** Of the selected row's prompt over the steps: that row's page is open; null: the list. */
  readonly history: readonly PromptVisit[] | null;
}

/** Rows from which on the selected text stands below the list, and under a heading. */
const textBelow = { least: 8, headed: 10 };

export const tailBrowser: Panel<TailInput> = {
  title: "Tail",
  lines: (input, size, style) => {
    const height = Math.max(0, size.height);
    return contents(input, { width: size.width, height }, style)
      .slice(0, height)
      .map((line) => fitLine(line, size.width, style));
  },
};

/** How far the selected row's page scrolls; null: none is open. */
export function tailPageExtent(
  input: TailInput,
  size: PanelSize,
  style: ViewStyle,
): PageExtent | null {
  const view = pageView(input);
  return view === null ? null : episodePageExtent(view, size, style);
}

function pageView({ step, episodes, texts, ...input }: TailInput): EpisodeView | null {
  const { history, filter, selected, revealed } = input;
  if (history === null || episodes === null) {
    return null;
  }
  const rows = tailRows(episodes, texts, filter);
  const row = rows[clampedRow(selected, rows.length)];
  return row === undefined ? null : { row, history, step, revealed };
}

function contents(input: TailInput, size: PanelSize, style: ViewStyle): Line[] {
  const { step, episodes, texts, filter } = input;
  if (step === null) {
    return wrappedNote("no step yet: the worst episodes of each step show here", size.width);
  }
  if (episodes === null) {
    return wrappedNote(`the episodes of step ${step} are not read yet`, size.width);
  }
  const page = pageView(input);
  if (page !== null) {
    return episodePage(page, input.offset, size, style);
  }
  const rows = tailRows(episodes, texts, filter);
  const row = rows[clampedRow(input.selected, rows.length)];
  if (row === undefined || size.height < textBelow.least) {
    return listLines(rows, input, size, style);
  }
  const room = textRoom(input, size, style);
  return [
    ...listLines(rows, input, { ...size, height: size.height - room }, style),
    ...textLines(row, input, { ...size, height: room }, style),
  ];
}

/**
 * Rows for the selected episode's texts, by the longest that is kept: the list must not move under
 * the cursor.
 */
function textRoom(
  { texts, revealed }: TailInput,
  { width, height }: PanelSize,
  style: ViewStyle,
): number {
  if (height < textBelow.headed) {
    return 2;
  }
  const least = Math.max(3, Math.floor(height / 3));
  const most = Math.floor(height / 2);
  const rowsOf = (text: string): number =>
    wrappedText({ name: names.completion, text, most, width, revealed }, style).length;
  const needed = texts.map(({ prompt, completion }) => 1 + rowsOf(prompt) + rowsOf(completion));
  return Math.max(least, Math.min(most, Math.max(0, ...needed)));
}

/** Of one length. */
const names = { prompt: "prompt    ", completion: "completion" } as const;

function wrappedNote(text: string, width: number): Line[] {
  return wrapText(text, Math.max(1, width)).map((line): Line => [{ text: line, dim: true }]);
}

function listLines(
  rows: readonly TailRow[],
  input: TailInput,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const room = Math.max(1, height - 2);
  const { offset } = input;
  const selected = clampedRow(input.selected, rows.length);
  const first = firstRow({ count: rows.length, selected, offset, room });
  const shown = rows.slice(first, first + room);
  const pointer = style.unicode ? "▸" : ">";
  const figure = (value: number | null, digits = 2): string => formatNumber(value, digits, style);
  const lines = tableLines(
    ["", "#", "prompt", "return", "reward", "KL", "tokens", "weight"],
    shown.map((row, at) => {
      const isSelected = first + at === selected;
      return {
        cells: [
          isSelected ? pointer : "",
          String(row.rank),
          String(row.prompt),
          figure(row.return),
          figure(row.reward),
          figure(row.kl),
          String(row.length),
          row.weight > 0 ? figure(row.weight) : shortNumber(0, style),
        ],
        look: {
          ...(isSelected ? { inverse: true } : {}),
          ...(row.weight > 0 ? { color: "red" as const } : { dim: true }),
        },
        rest: [{ text: `  ${oneLine(row, input, width, style)}` }],
      };
    }),
  );
  const note = noteLine(rows.length, first, shown.length, input, style);
  const [header, ...figures] = lines;
  return height >= 3
    ? [note, header!, ...figures]
    : height === 2 || figures.length === 0
      ? [note, ...figures]
      : figures;
}

function noteLine(
  count: number,
  first: number,
  shown: number,
  { step, episodes, filter, revealed, texts }: TailInput,
  style: ViewStyle,
): Line {
  const all = episodes!.prompt.length;
  const words = filter.trim();
  const matching =
    words === ""
      ? ""
      : ` of ${all} with "${modelText(words, { revealed: true, room: 40, style })}"`;
  const range =
    count === 0
      ? `no episode${matching}`
      : `${first + 1} to ${first + shown} of ${count}${matching}`;
  const hidden =
    texts.length === 0 ? "no texts kept" : revealed ? "texts revealed" : "texts masked, t reveals";
  return [
    ...heading(`Worst of step ${step}`, range),
    {
      text: `  ${hidden}`,
      ...(revealed && texts.length > 0 ? { color: "yellow" } : { dim: true }),
    },
  ];
}

/** Prompt and completion in what is left of a row. */
function oneLine(
  { text }: TailRow,
  { revealed }: TailInput,
  width: number,
  style: ViewStyle,
): string {
  if (text === null) {
    return "";
  }
  const options = { revealed, room: width, style };
  const arrow = style.unicode ? "→" : "->";
  return `${modelText(text.prompt.trim(), options)} ${arrow} ${modelText(text.completion.trim(), options)}`;
}

function textLines(
  row: TailRow,
  { revealed }: TailInput,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const isHeaded = height > 2;
  const rest = (words: string): Line[] =>
    isHeaded ? [heading(`Episode ${row.episode}`, `prompt ${row.prompt}${words}`)] : [];
  if (row.text === null) {
    return [...rest(""), [{ text: "its text was not kept for reading", dim: true }]];
  }
  const { prompt, completion } = row.text;
  const room = isHeaded ? height - 1 : 2;
  const wrapped = (name: string, text: string, most: number): Line[] =>
    wrappedText({ name, text, most, width, revealed }, style);
  const answer = wrapped(names.completion, completion, room).length;
  const first = wrapped(names.prompt, prompt, Math.max(1, Math.floor(room / 2), room - answer));
  const second = wrapped(names.completion, completion, Math.max(1, room - first.length));
  const isCut = [...first, ...second].some((line) => lineWidth(line) > width);
  return [...rest(isCut ? ", Enter shows all" : ""), ...first, ...second];
}
