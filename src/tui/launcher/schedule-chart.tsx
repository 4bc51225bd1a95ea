/** The schedules of a run that is about to start, beside or under its settings. */
import type { ReactElement } from "react";
import type { Size } from "../terminal/line.js";
import { Lines } from "../terminal/lines.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import type { FormCheck } from "./launcher-ports.js";
import { scheduleLines } from "./schedule-lines.js";

export function ScheduleChart({
  check,
  width,
  height,
}: Size & { readonly check: FormCheck }): ReactElement | null {
  const style = useViewStyle();
  const text = "The risk schedule is drawn here once the settings are right.";
  const lines = check.ok
    ? scheduleLines(check.experiment, { width, height }, style)
    : [[{ text, dim: true }]];
  return height < 1 ? null : <Lines lines={lines} width={width} height={height} />;
}
