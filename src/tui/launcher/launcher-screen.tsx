/** A frame of the launcher: at most rows − 1 lines, none wider than the terminal. */
import { Box } from "ink";
import type { ReactElement } from "react";
import { wrapText } from "../../text/width.js";
import { compareKeys } from "../compare/compare-keys.js";
import { ComparisonView, compareScroll } from "../compare/comparison-view.js";
import { type Hint, hintLine, hintsOf, keyLines } from "../terminal/key-help.js";
import type { KeyTable } from "../terminal/key-table.js";
import type { Line, Size, ViewStyle } from "../terminal/line.js";
import { Lines, Row } from "../terminal/lines.js";
import { plainText } from "../terminal/plain-text.js";
import { type TerminalSize, useTerminalSize, useViewStyle } from "../terminal/terminal-context.js";
import { formHints } from "./form-hints.js";
import { FormView } from "./form-view.js";
import { filterKeys, formKeys, listKeys, noteKeys } from "./key-tables.js";
import type { LauncherState } from "./launcher-state.js";
import { ListView } from "./list-view.js";
import { firstLines } from "./row-pieces.js";

export function LauncherScreen({
  state,
  now,
}: {
  readonly state: LauncherState;
  readonly now: Date;
}): ReactElement {
  const size = useTerminalSize();
  const style = useViewStyle();
  const width = size.columns;
  const most = Math.max(1, size.rows - 1);
  const title = titleLines(state, size, style);
  // On the lowest of terminals the keys have the last word.
  const notice = noticeLines(state, size, style).slice(0, most - 1);
  const room = { width, height: most - title.length - notice.length - 1 };
  return (
    <Box flexDirection="column" width={width} height={most}>
      <Lines lines={title} width={width} height={title.length} />
      {room.height < 1 ? null : (
        <Box height={room.height} flexShrink={0} overflowY="hidden">
          <Body state={state} now={now} {...room} />
        </Box>
      )}
      <Lines lines={notice} width={width} height={notice.length} />
      <Row line={hintLine(hintsOfScreen(state, style), width)} width={width} />
    </Box>
  );
}

function Body({
  state,
  now,
  ...room
}: Size & { readonly state: LauncherState; readonly now: Date }): ReactElement {
  const style = useViewStyle();
  const { help, helpScroll, screen, list } = state;
  if (help) {
    const lines = helpLines(state, room.width, style);
    const from = Math.min(helpScroll, Math.max(0, lines.length - room.height));
    return <Lines lines={lines.slice(from)} {...room} />;
  }
  switch (screen.kind) {
    case "list":
      return <ListView state={list} now={now} {...room} />;
    case "form":
      return <FormView state={screen.form} {...room} />;
    case "compare":
      return <ComparisonView state={screen.compare} {...room} />;
  }
}

/** Lines that what is scrolled is longer than its window. */
export function launcherScroll(state: LauncherState, size: TerminalSize, style: ViewStyle): number {
  const title = titleLines(state, size, style).length;
  const room = { width: size.columns, height: Math.max(1, size.rows - 1) - title - 1 };
  if (state.help) {
    return Math.max(0, helpLines(state, room.width, style).length - room.height);
  }
  return state.screen.kind === "compare" ? compareScroll(state.screen.compare, room, style) : 0;
}

/** A low terminal has no line to spare for a name, and the form needs the lines for its plot. */
function titleLines({ screen }: LauncherState, { rows }: TerminalSize, style: ViewStyle): Line[] {
  if (rows < (screen.kind === "list" ? 20 : 30)) {
    return [];
  }
  const dot = style.unicode ? "·" : "-";
  return [
    [
      { text: "averse", bold: true, color: "cyan" },
      { text: ` ${dot} risk-averse fine-tuning`, dim: true },
    ],
    [],
  ];
}

/** Lines of a notice at most: it may not take the screen from what it is about. */
const mostNotice = 3;

function noticeLines(
  { notice }: LauncherState,
  { columns }: TerminalSize,
  style: ViewStyle,
): Line[] {
  if (notice === null) {
    return [];
  }
  const mark = notice.level === "error" ? "! " : style.unicode ? "› " : "> ";
  const color = notice.level === "error" ? "red" : "yellow";
  const lines = wrapText(`${mark}${plainText(notice.text, style)}`, Math.max(1, columns));
  return firstLines(lines, mostNotice).map((text): Line => [{ text, color }]);
}

interface ScreenKeys {
  readonly table: KeyTable;
  readonly name: string;
}

function keysOf({ screen }: LauncherState): ScreenKeys {
  switch (screen.kind) {
    case "list":
      return { table: listKeys, name: "experiments and runs" };
    case "form":
      return { table: formKeys, name: "a new run" };
    case "compare":
      return { table: compareKeys, name: "comparison" };
  }
}

function hintsOfScreen(state: LauncherState, style: ViewStyle): Hint[] {
  if (state.help) {
    return [
      { label: "Esc", words: "close" },
      { label: style.unicode ? "↓" : "Down", words: "more" },
    ];
  }
  if (state.screen.kind === "form") {
    return formHints(state.screen.form, style);
  }
  if (state.screen.kind === "list" && state.list.writing !== null) {
    return hintsOf(noteKeys, style);
  }
  const isFiltering = state.screen.kind === "list" && state.list.filtering;
  return hintsOf(isFiltering ? filterKeys : keysOf(state).table, style);
}

const introduction: readonly string[] = [
  "A run trains the arms of an experiment and continues without this window.",
  "Open a run to watch it; leave the view with q, come back at any time.",
];

function helpLines(state: LauncherState, width: number, style: ViewStyle): Line[] {
  const { table, name } = keysOf(state);
  const intro = width < 60 ? [] : introduction;
  return [
    [{ text: `HELP: ${name}`, bold: true }],
    ...intro.map((text): Line => [{ text, dim: true }]),
    [],
    ...keyLines(table, width, style),
  ];
}
