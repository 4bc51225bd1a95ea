/** The worst episodes of a step, one a line, and the selected one's text below; or one prompt's history. */

import type { Episodes } from "../../experiment/events.js";
import { formatNumber } from "../../report/number-format.js";
import { fitLine, type Line, type ViewStyle } from "../line.js";
import type { EpisodeText } from "../run-source.js";
import { heading, shortNumber } from "./field.js";
import { historyLines } from "./history-lines.js";
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
  /** First row to show; moved so far that the selection is in view. */
  readonly offset: number;
  /** Details of the selected row's prompt over steps; null: the list. */
  readonly history: readonly PromptVisit[] | null;
}

/** Rows from which on the selected text stands below the list, and from which on under a heading. */
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

function contents(input: TailInput, size: PanelSize, style: ViewStyle): Line[] {
  const { step, episodes, texts, filter, history } = input;
  if (step === null) {
    return [[{ text: "no step yet: the worst episodes of each step show here", dim: true }]];
  }
  if (episodes === null) {
    return [[{ text: `the episodes of step ${step} are not read yet`, dim: true }]];
  }
  const rows = tailRows(episodes, texts, filter);
  const row = rows[clampedRow(input.selected, rows.length)] ?? null;
  if (history !== null && row !== null) {
    return historyLines(history, row, input, size, style);
  }
  const below = size.height >= textBelow.least && row !== null;
  const textRows = !below
    ? 0
    : size.height < textBelow.headed
      ? 2
      : Math.max(3, Math.floor(size.height / 3));
  const list = listLines(rows, input, { ...size, height: size.height - textRows }, style);
  return below ? [...list, ...textLines(row, input, { ...size, height: textRows }, style)] : list;
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
  const title = isHeaded ? [heading(`Episode ${row.episode}`, `prompt ${row.prompt}`)] : [];
  if (row.text === null) {
    return [...title, [{ text: "its text was not kept for reading", dim: true }]];
  }
  const room = isHeaded ? height - 1 : 2;
  const most = Math.max(1, Math.floor(room / 2));
  const shared = { width, revealed };
  const prompt = wrappedText({ ...shared, name: "prompt    ", text: row.text.prompt, most }, style);
  const completion = wrappedText(
    { ...shared, name: "completion", text: row.text.completion, most: room - prompt.length },
    style,
  );
  return [...title, ...prompt, ...completion];
}
