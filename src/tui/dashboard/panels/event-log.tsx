/** What happened, newest last. How much of it is seen stands in the panel's title. */
import type { ReactElement } from "react";
import type { LogLine } from "../../../run-model/run-model.js";
import type { Line, Look, Size, ViewStyle } from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import { memoByValue } from "./memo-by-value.js";
import { modelText } from "./model-text.js";
import { wordsOf } from "./tail-rows.js";

export interface LogInput {
  readonly log: readonly LogLine[];
  /** Words that all have to be found in a line. */
  readonly filter: string;
  /** First of `logRows` to show; null: follows the tail. */
  readonly offset: number | null;
}

/** The lines that match, oldest first. */
export function logRows(log: readonly LogLine[], filter: string): readonly LogLine[] {
  const words = wordsOf(filter).map((word) => word.toLowerCase());
  return words.length === 0
    ? log
    : log.filter(({ trial, level, text }) => {
        const all = `${trial ?? ""} ${level} ${text}`.toLowerCase();
        return words.every((word) => all.includes(word));
      });
}

export const EventLog = memoByValue(function EventLog({
  log,
  filter,
  offset,
  width,
  height,
}: LogInput & Size): ReactElement {
  const style = useViewStyle();
  const rows = logRows(log, filter);
  const first = firstShown(rows.length, offset, height);
  const lines = rows
    .slice(first, first + Math.max(0, height))
    .map((row) => logLine(row, width, style));
  return <Lines lines={lines} width={width} height={height} />;
});

function firstShown(count: number, offset: number | null, height: number): number {
  const last = Math.max(0, count - Math.max(0, height));
  return Math.max(0, Math.min(last, offset ?? last));
}

const levels: Readonly<
  Record<LogLine["level"], { glyphs: readonly [string, string]; look: Look }>
> = {
  info: { glyphs: ["·", "."], look: { dim: true } },
  warning: { glyphs: ["!", "!"], look: { color: "yellow" } },
  error: { glyphs: ["✗", "x"], look: { color: "red" } },
};

function logLine({ time, trial, level, text }: LogLine, width: number, style: ViewStyle): Line {
  const { glyphs, look } = levels[level];
  const short = (part: string): string => modelText(part, { revealed: true, room: width, style });
  return [
    { text: `${short(time.slice(11, 19))} `, dim: true },
    { ...look, text: `${glyphs[style.unicode ? 0 : 1]} ` },
    { text: trial === null ? "" : `${short(trial)} `, bold: true },
    level === "info" ? { text: short(text) } : { ...look, text: short(text) },
  ];
}

/** Which of the events are seen, for the panel's title. @param height rows that they have */
export function eventRange(
  { log, filter, offset }: LogInput,
  height: number,
  style: ViewStyle,
): Line {
  const words = filter.trim();
  const total = logRows(log, filter).length;
  const first = firstShown(total, offset, height);
  const last = Math.min(total, first + height);
  const range = total === 0 ? "none" : `${first + 1} to ${last} of ${total}`;
  const matching =
    words === "" ? "" : ` with "${modelText(words, { revealed: true, room: 40, style })}"`;
  return [
    { text: `${range}${matching}, UTC`, dim: true },
    offset === null ? { text: ", following", dim: true } : { text: ", held", color: "yellow" },
  ];
}
