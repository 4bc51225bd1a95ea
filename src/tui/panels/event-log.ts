/** What happened, newest last. */
import { fitLine, type Line, type Look, type ViewStyle } from "../line.js";
import type { LogLine } from "../model/run-model.js";
import { matchesWords } from "./filter-words.js";
import { modelText } from "./model-text.js";
import type { Panel } from "./panel.js";

export interface LogInput {
  readonly log: readonly LogLine[];
  /** Words that all have to be found in a line. */
  readonly filter: string;
  /** First of `logRows` to show; null: follows the tail. */
  readonly offset: number | null;
}

/** The lines that match, oldest first. */
export function logRows(log: readonly LogLine[], filter: string): readonly LogLine[] {
  return filter.trim() === ""
    ? log
    : log.filter(({ trial, level, text }) =>
        matchesWords(`${trial ?? ""} ${level} ${text}`, filter),
      );
}

export const eventLog: Panel<LogInput> = {
  title: "Events",
  rows: ({ log }) => Math.max(3, Math.min(12, log.length + 1)),
  lines: ({ log, filter, offset }, { width, height }, style) => {
    const rows = logRows(log, filter);
    const note = height >= 2;
    const room = Math.max(0, height - (note ? 1 : 0));
    const last = Math.max(0, rows.length - room);
    const first = Math.max(0, Math.min(last, offset ?? last));
    const shown = rows.slice(first, first + room);
    const lines = shown.map((row) => logLine(row, width, style));
    if (note) {
      lines.push(noteLine(first, shown.length, rows.length, filter, offset === null, style));
    }
    return lines.map((line) => fitLine(line, width, style));
  },
};

const levels: Readonly<
  Record<LogLine["level"], { glyphs: readonly [string, string]; look: Look }>
> = {
  info: { glyphs: ["·", "."], look: { dim: true } },
  warning: { glyphs: ["!", "!"], look: { color: "yellow" } },
  error: { glyphs: ["✗", "x"], look: { color: "red" } },
};

function logLine({ time, trial, level, text }: LogLine, width: number, style: ViewStyle): Line {
  const { glyphs, look } = levels[level];
  const safe = (part: string): string => modelText(part, { revealed: true, room: width, style });
  return [
    { text: `${safe(time.slice(11, 19))} `, dim: true },
    { ...look, text: `${glyphs[style.unicode ? 0 : 1]} ` },
    { text: trial === null ? "" : `${safe(trial)} `, bold: true },
    level === "info" ? { text: safe(text) } : { ...look, text: safe(text) },
  ];
}

function noteLine(
  first: number,
  count: number,
  total: number,
  filter: string,
  follows: boolean,
  style: ViewStyle,
): Line {
  const matching =
    filter.trim() === "" ? "" : ` with "${modelText(filter, { revealed: true, room: 40, style })}"`;
  const range =
    total === 0
      ? `no events${matching}`
      : `${first + 1} to ${first + count} of ${total}${matching}`;
  const how: Line[number] = follows
    ? { text: "  following", dim: true }
    : { text: "  not following", color: "yellow" };
  return [{ text: `${range} (UTC)`, dim: true }, how];
}
