/**
 * The worst episodes of a step, or its worst prompts, one per line, and the selected one's text
 * below; or that one alone, a prompt with all its completions.
 */
import { Box } from "ink";
import type { ReactElement } from "react";
import type { EpisodeText } from "../../../engine/ports.js";
import type { Episodes } from "../../../journal/events.js";
import { formatNumber } from "../../../text/numbers.js";
import {
  firstThatFits,
  fitLine,
  type Line,
  lineWidth,
  type Size,
  type ViewStyle,
} from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { clampedRow, firstRow } from "../../terminal/scroll.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import {
  componentName,
  EpisodePage,
  type EpisodeView,
  type PageExtent,
  pageExtent,
} from "./episode-page.js";
import type { PromptVisit } from "./episodes-of-step.js";
import { heading, said, tableLines, weightText } from "./field.js";
import { memoByValue } from "./memo-by-value.js";
import { modelText, wrappedText } from "./model-text.js";
import { type TailEntry, type TailGroup, type TailRow, tailEntries } from "./tail-rows.js";

export interface TailInput {
  /** In view; null: none is done. */
  readonly iteration: number | null;
  /** Of that iteration; null: not read. */
  readonly episodes: Episodes | null;
  readonly texts: readonly EpisodeText[];
  /** False: texts are masked. */
  readonly revealed: boolean;
  /** Words that all have to hold; see `tailRows`. */
  readonly filter: string;
  /** Episodes per prompt. */
  readonly completions: number;
  /** The highest return first; absent: the lowest. */
  readonly best?: boolean;
  /** By prompt, where there are several completions of each. */
  readonly grouped: boolean;
  /** Index into `tailEntries`; out of range: the nearest. */
  readonly selected: number;
  /** First row to show, moved so far that the selection is in view; or first line of the page. */
  readonly offset: number;
  /** Of the selected row's prompt: that row's page is open; null: the list. */
  readonly history: readonly PromptVisit[] | null;
}

/** How far the selected row's page scrolls; null: none is open. */
export function tailPageExtent(input: TailInput, size: Size, style: ViewStyle): PageExtent | null {
  const view = pageView(input);
  return view === null ? null : pageExtent(view, size, style);
}

function pageView(input: TailInput): EpisodeView | null {
  const { iteration, episodes, history, selected, revealed } = input;
  if (history === null || episodes === null) {
    return null;
  }
  const entries = tailEntries({ ...input, episodes });
  const entry = entries[clampedRow(selected, entries.length)];
  return entry === undefined ? null : { ...entry, history, iteration, revealed };
}

/** Rows from which on the selected text stands below the list, and under a heading. */
const textBelow = { least: 8, headed: 10 };

export const TailPanel = memoByValue(function TailPanel({
  width,
  height,
  ...input
}: TailInput & Size): ReactElement | null {
  const style = useViewStyle();
  const { iteration, episodes, revealed, offset } = input;
  if (iteration === null || episodes === null) {
    const words =
      iteration === null
        ? "no iteration yet: the worst episodes of each show here"
        : `the episodes of iteration ${iteration} are not read yet`;
    return <Lines lines={said(words, width)} width={width} height={height} />;
  }
  const page = pageView(input);
  if (page !== null) {
    return <EpisodePage view={page} from={offset} width={width} height={height} />;
  }
  const entries = tailEntries({ ...input, episodes });
  const row = entries[clampedRow(input.selected, entries.length)]?.row;
  const below =
    row === undefined || height < textBelow.least ? 0 : textRoom(input, { width, height }, style);
  const list = { entries, episodes, iteration, input };
  const other = { ...input, best: input.best !== true, selected: null };
  const isAbreast = width >= abreast.least;
  const each = isAbreast ? Math.floor((width - abreast.gap) / 2) : width;
  return (
    <Box flexDirection="column">
      <Box columnGap={abreast.gap}>
        <TailTable {...list} width={each} height={height - below} />
        {isAbreast ? (
          <TailTable
            {...list}
            input={other}
            entries={tailEntries({ ...other, episodes })}
            width={width - abreast.gap - each}
            height={height - below}
          />
        ) : null}
      </Box>
      {row === undefined || below === 0 ? null : (
        <TailText row={row} revealed={revealed} width={width} height={below} />
      )}
    </Box>
  );
});

/** Columns from which on the best stand beside the worst, and those between them. */
const abreast = { least: 112, gap: 3 };

/** Of one length. */
const names = { prompt: "prompt    ", completion: "completion" } as const;

/**
 * Rows for the selected episode's texts, by the longest that is kept: the list must not move under
 * the cursor.
 */
function textRoom(
  { texts, revealed }: TailInput,
  { width, height }: Size,
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

interface TableProps extends Size {
  readonly entries: readonly TailEntry[];
  /** Of the iteration, those that the filter leaves out among them. */
  readonly episodes: Episodes;
  readonly iteration: number;
  /** `selected`: null: the cursor is in another list. */
  readonly input: Omit<TailInput, "selected"> & { readonly selected: number | null };
}

function TailTable({ entries, episodes, ...props }: TableProps): ReactElement {
  const { iteration, input, width, height } = props;
  const style = useViewStyle();
  const room = Math.max(1, height - 2);
  const selected = input.selected === null ? null : clampedRow(input.selected, entries.length);
  const offset = selected === null ? 0 : input.offset;
  const first = firstRow({ count: entries.length, selected, offset, room });
  const shown = entries.slice(first, first + room);
  const pointer = style.unicode ? "▸" : ">";
  const isGrouped = input.grouped && input.completions > 1;
  const components = isGrouped ? [] : componentsBeside(episodes, width);
  const titles = isGrouped
    ? ["#", "prompt", "mean", "spread", "worst", "best", "kept"]
    : [
        ...["#", "prompt", "return", "raw reward"],
        ...components.map((name) => componentName(name, style, componentRoom)),
        ...["KL", "tokens", "weight"],
      ];
  const [header, ...figures] = tableLines(
    ["", ...titles],
    shown.map(({ row, group }, at) => {
      const isSelected = first + at === selected;
      const cells = group === null ? rowCells(row, components, style) : groupCells(group, style);
      const inUpdate = (group?.members ?? [row]).some(({ weight }) => weight > 0);
      return {
        cells: [isSelected ? pointer : "", ...cells],
        look: {
          ...(isSelected ? { inverse: true } : {}),
          ...(inUpdate ? { color: "red" as const } : { dim: true }),
        },
        rest: [{ text: `  ${oneLine(textOf(row, group), input.revealed, width, style)}` }],
      };
    }),
  );
  const all = isGrouped
    ? Math.ceil(episodes.prompt.length / input.completions)
    : episodes.prompt.length;
  const among = input.filter.trim() === "" ? `${all}` : `${entries.length} of ${all}`;
  const [one, many] = isGrouped ? ["prompt", "prompts "] : ["episode", ""];
  const seen =
    entries.length === 0
      ? `no ${one} of ${all}`
      : `${input.best === true ? "best" : "worst"} ${many}${first + 1} to ${first + shown.length} of ${among}`;
  const note = noteLine(iteration, seen, input, width, style);
  const lines =
    height >= 3
      ? [note, header!, ...figures]
      : height === 2 || figures.length === 0
        ? [note, ...figures]
        : figures;
  return <Lines lines={lines} width={width} height={height} />;
}

/** Columns of the figures of an episode, and those that its text should still have beside them. */
const besideText = { figures: 55, text: 20 };
/** Columns of a component's name over its scores. */
const componentRoom = 10;

/** Components whose scores have room in the list; where not all have, the episode's page has them. */
function componentsBeside({ components = {} }: Episodes, width: number): string[] {
  const names = Object.keys(components);
  const needed = besideText.figures + names.length * (componentRoom + 2) + besideText.text;
  return needed <= width ? names : [];
}

function rowCells(row: TailRow, components: readonly string[], style: ViewStyle): string[] {
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  return [
    String(row.rank),
    String(row.prompt),
    figure(row.return),
    figure(row.reward),
    ...components.map((name) => figure(row.components[name] ?? null)),
    figure(row.kl),
    String(row.length),
    weightText(row.weight, style),
  ];
}

function groupCells(
  { rank, prompt, mean, spread, members }: TailGroup,
  style: ViewStyle,
): string[] {
  const figure = (value: number | null): string => formatNumber(value, 2, style);
  const known = members.flatMap((member) => member.return ?? []);
  const kept = members.filter(({ weight }) => weight > 0).length;
  return [
    String(rank),
    String(prompt),
    figure(mean),
    figure(spread),
    figure(known[0] ?? null),
    figure(known.at(-1) ?? null),
    `${kept}/${members.length}`,
  ];
}

/** Of a prompt the first completion whose text was kept: all have the prompt's. */
function textOf(row: TailRow, group: TailGroup | null): TailRow["text"] {
  return row.text ?? group?.members.find(({ text }) => text !== null)?.text ?? null;
}

function noteLine(
  iteration: number,
  seen: string,
  { filter, revealed, texts, selected }: TableProps["input"],
  width: number,
  style: ViewStyle,
): Line {
  const words = filter.trim();
  const matching =
    words === "" ? "" : ` with "${modelText(words, { revealed: true, room: 40, style })}"`;
  const look = revealed && texts.length > 0 ? { color: "yellow" as const } : { dim: true };
  const hidden =
    texts.length === 0
      ? ["no texts kept"]
      : revealed
        ? ["texts revealed"]
        : ["texts masked, t reveals", "texts masked"];
  const title = heading(`Iteration ${iteration}`, `${seen}${matching}`);
  const ways = hidden.map((text): Line => [...title, { ...look, text: `  ${text}` }]);
  return selected === null ? fitLine(title, width, style) : firstThatFits(ways, width, style);
}

/** Prompt and completion in what is left of a row. */
function oneLine(
  text: TailRow["text"],
  revealed: boolean,
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

function TailText({
  row,
  revealed,
  width,
  height,
}: Size & { readonly row: TailRow; readonly revealed: boolean }): ReactElement {
  const style = useViewStyle();
  const isHeaded = height > 2;
  const scores = Object.entries(row.components).map(
    ([name, score]) => `, ${componentName(name, style)} ${formatNumber(score, 2, style)}`,
  );
  const title = (words: string): Line[] =>
    isHeaded
      ? [heading(`Episode ${row.episode}`, `prompt ${row.prompt}${scores.join("")}${words}`)]
      : [];
  if (row.text === null) {
    const lines: Line[] = [
      ...title(""),
      [{ text: "its text was not kept for reading", dim: true }],
    ];
    return <Lines lines={lines} width={width} height={height} />;
  }
  const { prompt, completion } = row.text;
  const room = isHeaded ? height - 1 : 2;
  const wrapped = (name: string, text: string, most: number): Line[] =>
    wrappedText({ name, text, most, width, revealed }, style);
  const answer = wrapped(names.completion, completion, room).length;
  const first = wrapped(names.prompt, prompt, Math.max(1, Math.floor(room / 2), room - answer));
  const second = wrapped(names.completion, completion, Math.max(1, room - first.length));
  const isCut = [...first, ...second].some((line) => lineWidth(line) > width);
  return (
    <Lines
      lines={[...title(isCut ? ", Enter shows all" : ""), ...first, ...second]}
      width={width}
      height={height}
    />
  );
}
