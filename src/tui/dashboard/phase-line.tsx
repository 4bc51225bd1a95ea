/** Which part of the work is in hand: one line that moves at least once per second. */
import type { ReactElement } from "react";
import { hasEnded, type Phase, queueState, type TrialModel } from "../../run-model/run-model.js";
import { formatDuration, formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { displayWidth } from "../../text/width.js";
import { progressBar } from "../charts/progress-bar.js";
import {
  firstThatFits,
  type Line,
  lineWidth,
  type Size,
  type ViewStyle,
} from "../terminal/line.js";
import { Lines } from "../terminal/lines.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import { modelText } from "./panels/model-text.js";
import type { Unreadable } from "./run-feed.js";

export interface PhaseInput {
  /** The trial's name comes first: several are on the screen. */
  readonly isNamed?: boolean;
  readonly trial: TrialModel | null;
  /** The run is, and the trial has nothing in hand. */
  readonly paused: boolean;
  /** The run has neither an end nor a controller that goes on with it; null: it has. */
  readonly stopped: Stopped | null;
  /** Seconds, on the clock of `Phase.since`. */
  readonly now: number;
  /** Why the journal cannot be read; null: it can. */
  readonly unreadable: Unreadable | null;
  /** The journal has not been read to its end yet. */
  readonly unread: boolean;
}

export interface Stopped {
  /** The run as `averse resume` takes it. */
  readonly word: string;
  /** A controller has it already, and is starting. */
  readonly held: boolean;
}

const bar = { least: 6, most: 24 };

export function PhaseLine({ width, height, ...input }: PhaseInput & Size): ReactElement {
  const style = useViewStyle();
  const { trial, isNamed = false } = input;
  const name = isNamed && trial !== null ? `${safeText(trial.id)}  ` : "";
  const rest = lineOf(input, Math.max(0, width - displayWidth(name)), style);
  return <Lines lines={[[{ text: name, bold: true }, ...rest]]} width={width} height={height} />;
}

function lineOf(
  { trial, paused, stopped, now, unreadable, unread }: PhaseInput,
  width: number,
  style: ViewStyle,
): Line {
  if (unreadable !== null) {
    return firstThatFits(unreadableWords(unreadable), width, style);
  }
  if (unread) {
    return [{ text: "reading the journal", dim: true }];
  }
  if (trial === null) {
    return [{ text: "no trial yet", dim: true }];
  }
  const { status, phase, message } = trial;
  if (stopped !== null && !hasEnded(trial)) {
    return stopped.held
      ? [{ text: "its controller died; the next one is starting", color: "yellow" }]
      : firstThatFits(
          stoppedWords(modelText(stopped.word, { revealed: true, room: width, style })),
          width,
          style,
        );
  }
  switch (status) {
    case "waiting":
      return [{ text: "waiting for its turn", dim: true }];
    case "done":
      return [{ text: "done", dim: true }];
    case "dropped":
      return [{ text: "dropped: other points of the sweep scored better", dim: true }];
    case "interrupted":
      return [{ text: "stopped before its end; averse resume continues it", color: "yellow" }];
    case "failed": {
      const why =
        message === null ? "" : `: ${modelText(message, { revealed: true, room: width, style })}`;
      return [{ text: `failed${why}`, color: "red" }];
    }
    case "starting":
    case "running":
      if (paused) {
        return [{ text: "paused; p continues", color: "yellow" }];
      }
      return phase === null
        ? [{ text: status === "starting" ? "starting its worker" : "between phases", dim: true }]
        : phaseInHand(phase, lossHeard(trial), now, width, style);
  }
}

function stoppedWords(run: string): Line[] {
  return [
    `its controller died; \`averse resume ${run}\` continues from the last checkpoints`,
    `its controller died; \`averse resume ${run}\` continues`,
    "its controller died; `averse resume` continues",
  ].map((text) => [{ text, color: "yellow" }]);
}

/** Of the training in hand; null: the phase is none. */
function lossHeard({ phase, loss }: TrialModel): number | null {
  const isHeard = phase?.name === "sft" || phase?.name === "stage";
  return isHeard ? (loss?.points.at(-1)?.loss ?? null) : null;
}

function phaseInHand(
  phase: Phase,
  loss: number | null,
  now: number,
  width: number,
  style: ViewStyle,
): Line {
  const { name, done, total, unit, since } = phase;
  const safe = (text: string): string => modelText(text, { revealed: true, room: 24, style });
  const count = total > 0 ? `${done}/${total}` : done > 0 ? String(done) : "";
  // A load's unit is what is being loaded.
  const words =
    name === "load" && done < total
      ? `${safe(unit)}, ${done + 1} of ${total}`
      : [count, count === "" ? "" : safe(unit)].filter((word) => word !== "").join(" ");
  const seconds = formatDuration(Math.max(0, now - since), style);
  const title: Line = [{ text: safe(name), color: "cyan", bold: true }];
  const queued = queueState(phase);
  if (queued !== null) {
    const room = Math.max(8, width - lineWidth(title) - seconds.length - 4);
    const state = modelText(queued, { revealed: true, room, style });
    return [...title, { text: `  ${state}` }, { text: `  ${seconds}`, dim: true }];
  }
  const rest: Line = [
    { text: words === "" ? "" : `  ${words}` },
    { text: loss === null ? "" : `  loss ${formatNumber(loss, 3, style)}` },
    { text: `  ${seconds}`, dim: true },
  ];
  const room = Math.min(bar.most, width - lineWidth([...title, ...rest]) - 2);
  const fraction = total > 0 ? done / total : null;
  return room < bar.least
    ? [...title, ...rest]
    : [...title, { text: "  " }, ...progressBar(fraction, room, style), ...rest];
}

function unreadableWords({ gone, message }: Unreadable): Line[] {
  const texts = gone
    ? [
        "The run's folder is gone, deleted or moved: the view continues once it is back.",
        "Its folder is gone: the view continues once it is back.",
      ]
    : [`The journal cannot be read, and is tried again: ${message}`];
  return texts.map((text) => [{ text, color: "red" }]);
}
