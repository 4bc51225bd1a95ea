/** The launcher as the lines of one frame: at most rows − 1 of them, none wider than the terminal. */

import { safeText } from "../../text/safe-text.js";
import { wrapText } from "../../text/wrapping.js";
import { compareKeys } from "../compare/compare-keys.js";
import { compareLines, compareScroll } from "../compare/compare-lines.js";
import type { KeyTable } from "../key-table.js";
import { fitLine, type Line, type ViewStyle } from "../line.js";
import { formLines } from "./form-lines.js";
import { footerLine, helpLines } from "./help-lines.js";
import { filterKeys, formKeys, listKeys } from "./key-tables.js";
import type { LauncherState } from "./launcher-state.js";
import { listLines } from "./list-lines.js";
import { asciiText } from "./plain-text.js";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export function launcherLines(
  state: LauncherState,
  size: TerminalSize,
  now: Date,
  style: ViewStyle,
): Line[] {
  const most = Math.max(1, size.rows - 1);
  const head = titleLines(state, size, style);
  const foot = [
    ...noticeLines(state, size, style),
    footerLine(tableOf(state), size.columns, style),
  ];
  const room = { columns: size.columns, rows: Math.max(1, most - head.length - foot.length) };
  const body = bodyLines(state, room, now, style);
  // The keys stay at the bottom, so that nothing jumps when a list grows.
  const space: Line[] = Array.from({ length: room.rows - body.length }, () => []);
  return [...head, ...body, ...space, ...foot]
    .slice(0, most)
    .map((line) => visible(fitLine(inAscii(line, style), size.columns, style)));
}

/** Lines that what is scrolled is longer than its window. */
export function launcherScroll(state: LauncherState, size: TerminalSize, style: ViewStyle): number {
  const rows = Math.max(1, Math.max(1, size.rows - 1) - titleLines(state, size, style).length - 1);
  if (state.help) {
    return Math.max(0, helpOf(state, size.columns, style).length - rows);
  }
  return state.screen.kind === "compare"
    ? compareScroll(state.screen.compare, { columns: size.columns, rows }, style)
    : 0;
}

function bodyLines(state: LauncherState, room: TerminalSize, now: Date, style: ViewStyle): Line[] {
  if (state.help) {
    const lines = helpOf(state, room.columns, style);
    const from = Math.min(state.helpScroll, Math.max(0, lines.length - room.rows));
    return lines.slice(from, from + room.rows);
  }
  switch (state.screen.kind) {
    case "list":
      return listLines(state.list, room, now, style);
    case "form":
      return formLines(state.screen.form, room, style);
    case "compare":
      return compareLines(state.screen.compare, room, style);
  }
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
  const lines = wrapText(`${mark}${safeText(notice.text)}`, Math.max(1, columns));
  const shown =
    lines.length <= mostNotice
      ? lines
      : [...lines.slice(0, mostNotice - 1), lines.slice(mostNotice - 1).join(" ")];
  return shown.map((text): Line => [{ text, color }]);
}

function tableOf({ help, screen, list }: LauncherState): KeyTable {
  if (help) {
    return [
      { action: "close", keys: ["escape"], words: "", hint: "close" },
      { action: "scroll", keys: ["down"], words: "", hint: "more" },
    ];
  }
  switch (screen.kind) {
    case "list":
      return list.filtering ? filterKeys : listKeys;
    case "form":
      return formKeys;
    case "compare":
      return compareKeys;
  }
}

function helpOf({ screen }: LauncherState, columns: number, style: ViewStyle): Line[] {
  switch (screen.kind) {
    case "list":
      return helpLines("experiments and runs", listKeys, columns, style);
    case "form":
      return helpLines("a new run", formKeys, columns, style);
    case "compare":
      return helpLines("comparison", compareKeys, columns, style);
  }
}

/** A line without text would take no row on the screen. */
function visible(line: Line): Line {
  return line.some(({ text }) => text !== "") ? line : [{ text: " " }];
}

/** Whatever the screens put in: a terminal without UTF-8 gets none of it. */
function inAscii(line: Line, { unicode }: ViewStyle): Line {
  return unicode ? line : line.map((segment) => ({ ...segment, text: asciiText(segment.text) }));
}
