/** What the worker of a trial printed, newest last: its log's end, secrets redacted where it was written. */
import type { ReactElement } from "react";
import type { Line, Size, ViewStyle } from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import { said } from "./field.js";
import { memoByValue } from "./memo-by-value.js";
import { modelText } from "./model-text.js";

export interface WorkerLogInput {
  /** Id; null: there is none yet. */
  readonly trial: string | null;
  /** Oldest first. */
  readonly lines: readonly string[];
  /** First line to show; null: follows the end. */
  readonly offset: number | null;
}

export const WorkerLogPanel = memoByValue(function WorkerLogPanel({
  trial,
  lines,
  offset,
  width,
  height,
}: WorkerLogInput & Size): ReactElement {
  const style = useViewStyle();
  const first = firstLine(lines.length, offset, height);
  const shown =
    lines.length === 0
      ? said(
          trial === null
            ? "Nothing has begun yet."
            : "Its worker has printed nothing so far: that is usual until something goes wrong.",
          width,
        )
      : lines
          .slice(first, first + Math.max(0, height))
          .map((text): Line => [{ text: modelText(text, { revealed: true, room: width, style }) }]);
  return <Lines lines={shown} width={width} height={height} />;
});

function firstLine(count: number, offset: number | null, height: number): number {
  const last = Math.max(0, count - Math.max(0, height));
  return Math.max(0, Math.min(last, offset ?? last));
}

/** Whose output it is and which lines are seen, for the panel's title. */
export function workerLogNote(
  { trial, lines, offset }: WorkerLogInput,
  height: number,
  style: ViewStyle,
): Line {
  if (trial === null) {
    return [];
  }
  const first = firstLine(lines.length, offset, height);
  const name = modelText(trial, { revealed: true, room: 40, style });
  const range =
    lines.length === 0
      ? "empty"
      : `${first + 1} to ${Math.min(lines.length, first + height)} of ${lines.length}`;
  return [
    { text: `worker of ${name}  ${range}`, dim: true },
    offset === null ? { text: ", following", dim: true } : { text: ", held", color: "yellow" },
  ];
}
