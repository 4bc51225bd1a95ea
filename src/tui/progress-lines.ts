/**
 * A run's progress as the lines of one frame, never more than fit: a frame as tall as the terminal
 * flickers. What gives way, in order: finished trials, blocks, working trials.
 */
import { formatDuration } from "../report/number-format.js";
import { safeText } from "../report/safe-text.js";
import { runEta } from "./eta.js";
import { fitLine, type Line, type ViewStyle } from "./line.js";
import type { ProgressState } from "./progress-state.js";
import { endedLine, workingBlock, workingLine } from "./trial-lines.js";
import type { TrialProgress } from "./trial-progress.js";

export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

/** At most rows − 1 lines, none wider than the terminal. */
export function progressLines(
  state: ProgressState,
  size: FrameSize,
  now: number,
  style: ViewStyle,
): Line[] {
  const most = Math.max(1, size.rows - 1);
  const head = [headLine(state, now, style)];
  const foot = [...waitingLine(state.trials, style), ...noteLines(state)];
  const room = Math.max(0, most - head.length - foot.length);
  const body = bodyLines(state.trials, room, size.columns, now, style);
  return [...head, ...body, ...foot]
    .slice(0, most)
    .map((line) => fitLine(line, size.columns, style));
}

function headLine(state: ProgressState, now: number, style: ViewStyle): Line {
  const total = state.trials.length;
  const done = state.trials.filter(({ status }) => status === "done").length;
  const left = state.outcome === null && state.stopping === "no" ? runEta(state, now) : null;
  const gone = formatDuration(now - state.startedAt, style);
  return [
    { text: state.name, bold: true },
    { text: `  ${done} of ${total} trials done` },
    {
      text: `  ${gone} gone${left === null || left < 1 ? "" : `, about ${formatDuration(left)} left`}`,
      dim: true,
    },
  ];
}

function bodyLines(
  trials: readonly TrialProgress[],
  room: number,
  width: number,
  now: number,
  style: ViewStyle,
): Line[] {
  const working = trials.filter(({ status }) => status === "starting" || status === "running");
  const ended = trials.filter(
    ({ status }) => status !== "starting" && status !== "running" && status !== "waiting",
  );
  const nameWidth = Math.max(0, ...working.map(({ id }) => id.length));
  const blocks = working.flatMap((trial) => workingBlock(trial, nameWidth, width, now, style));
  const current =
    blocks.length <= room
      ? blocks
      : clipped(
          working.map((trial) => workingLine(trial, now, style)),
          room,
          "more at work",
        );
  // The newest matter most; failures above all.
  const order = [...ended].sort((a, b) => rank(a) - rank(b) || (b.endedAt ?? 0) - (a.endedAt ?? 0));
  const leftOver = Math.max(0, room - current.length);
  const shown = new Set(order.slice(0, ended.length > leftOver ? leftOver - 1 : leftOver));
  const past = ended.filter((trial) => shown.has(trial)).map((trial) => endedLine(trial, style));
  const hidden = ended.length - past.length;
  const rest: Line[] =
    hidden > 0 && leftOver > 0 ? [[{ text: `  and ${hidden} more ended`, dim: true }]] : [];
  return [...rest, ...past, ...current];
}

function rank({ status }: TrialProgress): number {
  return status === "failed" ? 0 : 1;
}

function clipped(lines: readonly Line[], room: number, rest: string): Line[] {
  if (lines.length <= room) {
    return [...lines];
  }
  const kept = Math.max(0, room - 1);
  const more: Line = [{ text: `  and ${lines.length - kept} ${rest}`, dim: true }];
  return [...lines.slice(0, kept), ...(room > 0 ? [more] : [])];
}

function waitingLine(trials: readonly TrialProgress[], style: ViewStyle): Line[] {
  const waiting = trials.filter(({ status }) => status === "waiting");
  if (waiting.length === 0) {
    return [];
  }
  const names = waiting.map(({ id }) => id).join(", ");
  const mark = style.unicode ? "·" : ".";
  return [[{ text: `${mark} ${waiting.length} to come: ${names}`, dim: true }]];
}

function noteLines({ warning, stopping, outcome }: ProgressState): Line[] {
  const lines: Line[] = [];
  if (warning !== null) {
    lines.push([{ text: `! ${safeText(warning)}`, color: "yellow" }]);
  }
  if (outcome !== null) {
    return lines;
  }
  if (stopping === "after-step") {
    const text = "Stopping after the steps in hand. Ctrl-C once more breaks off at once.";
    lines.push([{ text, color: "yellow" }]);
  } else if (stopping === "now") {
    lines.push([{ text: "Breaking off.", color: "yellow" }]);
  } else {
    lines.push([{ text: "Ctrl-C stops after the step and keeps a checkpoint", dim: true }]);
  }
  return lines;
}
