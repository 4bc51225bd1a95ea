/** The tail as it is now and as it has moved: schedule, histogram, fan. */
import { formatShare } from "../../text/numbers.js";
import {
  besides,
  fitLine,
  flowFields,
  type Line,
  type Look,
  padLine,
  type ViewStyle,
} from "../line.js";
import { alphaNumber, field, numberWidth, settingNumber, shortNumber } from "./field.js";
import type { Panel, PanelSize } from "./panel.js";
import {
  batchChart,
  fanChartLines,
  type RiskInput,
  scheduleChart,
  scheduleStrip,
} from "./risk-charts.js";
import { repeatedTail } from "./step-tail.js";

export const riskPanel: Panel<RiskInput> = {
  title: "Risk",
  lines: (input, size, style) => {
    const figures = figureLines(input, size.width, style);
    const rest = { width: size.width, height: size.height - figures.length };
    return [...figures, ...chartLines(input, rest, style)]
      .slice(0, Math.max(0, size.height))
      .map((line) => fitLine(line, size.width, style));
  },
};

/** What the arm takes for its tail, for the panel's title. */
export function riskSetting({ risk }: RiskInput["config"], style: ViewStyle): string {
  const alpha = style.unicode ? "α" : "alpha";
  return `${risk.measure}, ${alpha} ${settingNumber(risk.alpha, style)}, by ${risk.statistic}`;
}

/** Columns from which on the figures take two lines with full names. */
const fullNames = 66;

/** In cells that do not depend on the figures, so that the charts below stay where they are. */
function figureLines(
  { config, step, episodes, previous }: RiskInput,
  width: number,
  style: ViewStyle,
): Line[] {
  const number = (value: number | null | undefined): string => shortNumber(value, style);
  const alpha = step === null ? number(null) : alphaNumber(step.alpha, style);
  const batch = step?.batch ?? config.training.batch;
  const kept = `${step?.kept ?? number(null)} of ${batch}`;
  const again = repeatedTail(episodes, previous);
  const share = again === null ? number(null) : formatShare(Math.round(100 * again) / 100);
  const target = settingNumber(config.risk.alpha, style);
  const isWide = width >= fullNames;
  const bold = { bold: true };
  const cell = (name: string, value: string, columns: number, look: Look = {}): Line =>
    padLine(field(name, value, look), name.length + 1 + columns, style);
  const cells = [
    cell(style.unicode ? "α'" : "alpha'", alpha, "0.0123".length, bold),
    cell("kept", kept, 2 * String(batch).length + " of ".length, bold),
    // At the arm's α, so that steps compare; what if has them at the α' in force.
    cell(`VaR ${target}`, number(step?.var), numberWidth, { color: "magenta" }),
    cell(`CVaR ${target}`, number(step?.cvar), numberWidth, { color: "red" }),
    cell(isWide ? "mean of kept" : "mean kept", number(step?.tail_mean), numberWidth),
    cell(isWide ? "tail prompts again" : "tail again", share, "100 %".length),
  ];
  return flowFields(cells, width, 0);
}

/** Room that schedule and histogram side by side need. */
const abreast = { width: 56, height: 5 };
/** Rows from which on there is a fan below. */
const withFan = 11;
/** Rows from which on all three have axes, one under the other. */
const threeStacked = 18;
/** Rows of a histogram with names to its lines. */
const namedHistogram = 6;

/** Least: the schedule in a row; then the histogram, the fan, and axes for the schedule. */
function chartLines(input: RiskInput, { width, height }: PanelSize, style: ViewStyle): Line[] {
  if (width >= abreast.width && height >= abreast.height) {
    const top = height >= withFan ? Math.ceil(height / 2) : height;
    return [
      ...scheduleBesideBatch(input, { width, height: top }, style),
      ...fanChartLines(input, { width, height: height - top }, style),
    ];
  }
  if (height >= threeStacked) {
    const each = Math.floor(height / 3);
    return [
      ...scheduleChart(input, { width, height: each }, style),
      ...batchChart(input, { width, height: height - 2 * each }, style),
      ...fanChartLines(input, { width, height: each }, style),
    ];
  }
  const strip = height < 1 ? [] : [scheduleStrip(input, width, style)];
  const rest = height - strip.length;
  const batchRows = height >= withFan ? Math.max(namedHistogram, Math.ceil(rest / 2)) : rest;
  return [
    ...strip,
    ...batchChart(input, { width, height: batchRows }, style),
    ...fanChartLines(input, { width, height: rest - batchRows }, style),
  ];
}

function scheduleBesideBatch(
  input: RiskInput,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const gap = 2;
  const left = Math.max(24, Math.floor((width - gap) * 0.4));
  const right = width - gap - left;
  return besides(
    [
      { lines: scheduleChart(input, { width: left, height }, style), width: left },
      { lines: batchChart(input, { width: right, height }, style), width: right },
    ],
    gap,
    style,
  );
}
