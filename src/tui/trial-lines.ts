/** A trial as lines: a block while it works, one line once it is over. */
import { pad } from "../report/display-width.js";
import { formatDuration, formatNumber, formatShare } from "../report/number-format.js";
import { safeText } from "../report/safe-text.js";
import { trialEta } from "./eta.js";
import { flowFields, type Line, type Segment, type ViewStyle } from "./line.js";
import type { TrialProgress } from "./trial-progress.js";

const margin = 4;
const barWidth = { least: 10, most: 32 };

/**
 * One line with the step and what is left, then figures as the width allows.
 *
 * @param nameWidth columns that names take, so that the bars of several trials align
 */
export function workingBlock(
  trial: TrialProgress,
  nameWidth: number,
  width: number,
  now: number,
  style: ViewStyle,
): Line[] {
  return [
    titleLine(trial, nameWidth, width, now, style),
    ...flowFields(fieldsOf(trial, style), width, margin),
  ];
}

/** All of it in one line, the most important first. */
export function workingLine(trial: TrialProgress, now: number, style: ViewStyle): Line {
  const mark = style.unicode ? "▸" : ">";
  const fields = [stepField(trial), ...etaField(trial, now), ...fieldsOf(trial, style).slice(1)];
  return [
    { text: `${mark} `, color: "cyan" },
    { text: trial.id, bold: true },
    ...fields.flatMap((field): Segment[] => [{ text: "  " }, ...field]),
  ];
}

/** Done, failed or stopped. */
export function endedLine(trial: TrialProgress, style: ViewStyle): Line {
  const { id, status, startedAt, endedAt, result } = trial;
  const name: Segment = { text: id };
  if (status === "failed") {
    const why = trial.message === null ? "" : `: ${safeText(trial.message)}`;
    const text = ` failed${why}`;
    return [{ text: style.unicode ? "✗ " : "x ", color: "red" }, name, { text, color: "red" }];
  }
  if (status === "interrupted") {
    const text = trial.iterations > 0 ? ` stopped after step ${trial.stepsDone}` : " stopped";
    return [{ text: style.unicode ? "‖ " : "= ", color: "yellow" }, name, { text, dim: true }];
  }
  const took = startedAt === null || endedAt === null ? null : endedAt - startedAt;
  const figures =
    result === null
      ? ""
      : `  reward ${figure(result.reward_mean, style)}  tail ${figure(result.tail_reward, style)}` +
        `  harm ${result.harm_rate === undefined ? "?" : formatShare(result.harm_rate)}`;
  return [
    { text: style.unicode ? "✓ " : "+ ", color: "green" },
    name,
    { text: ` done in ${formatDuration(took, style)}`, dim: true },
    { text: figures },
  ];
}

function titleLine(
  trial: TrialProgress,
  nameWidth: number,
  width: number,
  now: number,
  style: ViewStyle,
): Line {
  const mark: Segment = { text: style.unicode ? "▸ " : "> ", color: "cyan" };
  const name: Segment = { text: pad(trial.id, nameWidth, "left"), bold: true };
  const fields = [stepField(trial), ...etaField(trial, now)];
  const tail = fields.flatMap((field): Segment[] => [{ text: "  " }, ...field]);
  const used = [mark, name, ...tail].reduce((sum, { text }) => sum + text.length, 0);
  const room = Math.min(barWidth.most, width - used - 2);
  const share = shareDone(trial);
  const bar = room < barWidth.least || share === null ? [] : barOf(share, room, style);
  return [mark, name, ...bar, ...tail];
}

function barOf(share: number, width: number, { unicode }: ViewStyle): Segment[] {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  const [filled, empty] = unicode ? ["━", "─"] : ["#", "."];
  return [
    { text: "  " },
    { text: filled.repeat(full), color: "cyan" },
    { text: empty.repeat(width - full), dim: true },
  ];
}

/** Of the whole trial where it has steps, else of the phase in hand. */
function shareDone({ iterations, stepsDone, phase }: TrialProgress): number | null {
  if (iterations > 0) {
    return stepsDone / iterations;
  }
  return phase === null || phase.total === 0 ? null : phase.done / phase.total;
}

function stepField(trial: TrialProgress): Line {
  if (trial.iterations > 0 && trial.status === "running") {
    return [{ text: `step ${trial.stepsDone}/${trial.iterations}` }];
  }
  return [{ text: trial.status === "starting" ? "starting" : trial.stage }];
}

function etaField(trial: TrialProgress, now: number): Line[] {
  const left = trialEta(trial, now);
  return left === null || left < 1 ? [] : [[{ text: `${formatDuration(left)} left`, dim: true }]];
}

/** The phase in hand first, then the last step's figures. */
function fieldsOf({ phase, figures }: TrialProgress, style: ViewStyle): Line[] {
  const { unicode } = style;
  const field = (label: string, value: string): Line => [
    { text: `${label} `, dim: true },
    { text: value },
  ];
  const share =
    phase === null || phase.total === 0 ? "" : ` ${phase.done}/${phase.total} ${phase.unit}`;
  const doing: Line = [
    { text: phase === null ? "" : safeText(`${phase.name}${share}`), color: "cyan" },
  ];
  const inHand = phase === null ? [] : [doing];
  if (figures === null) {
    return inHand;
  }
  return [
    ...inHand,
    field("reward", figure(figures.reward_mean, style)),
    field("CVaR", figure(figures.cvar, style)),
    field(unicode ? "α'" : "alpha'", formatNumber(figures.alpha, 2, style)),
    field("kept", `${figures.kept}/${figures.batch}`),
    field("KL", figure(figures.kl_mean, style)),
    field(unicode ? "β" : "beta", formatNumber(figures.beta, 3, style)),
  ];
}

function figure(value: number | undefined, style: ViewStyle): string {
  return formatNumber(value ?? null, 2, style);
}
