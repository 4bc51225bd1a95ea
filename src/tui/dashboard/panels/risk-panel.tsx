/** The tail as it is now and as it has moved: figures, schedule, histogram, fan. */
import { Box } from "ink";
import type { ReactElement } from "react";
import { usesAlpha } from "../../../risk/measures/registry.js";
import type { Population } from "../../../risk/measures/risk-measure.js";
import { componentInForce, populationInForce, ranksByStatistic } from "../../../risk/terms.js";
import type { WhatIfQuestion } from "../../../run-model/what-if.js";
import { formatFraction } from "../../../text/numbers.js";
import { riskFigureName } from "../../../text/risk-figure-name.js";
import { sparkline } from "../../charts/sparkline.js";
import {
  flowFields,
  type Line,
  type Look,
  padLine,
  type Size,
  type ViewStyle,
} from "../../terminal/line.js";
import { Lines, Row } from "../../terminal/lines.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import { alphaName, alphaNumber, field, numberWidth, settingNumber, shortNumber } from "./field.js";
import { memoByValue } from "./memo-by-value.js";
import {
  BatchChart,
  FanChart,
  type RiskChartsInput,
  StepScheduleChart,
  scheduleStrip,
} from "./risk-charts.js";
import { repeatedTail } from "./step-tail.js";

export const RiskPanel = memoByValue(function RiskPanel({
  width,
  height,
  ...input
}: RiskChartsInput & Size): ReactElement {
  const style = useViewStyle();
  const figures = figureLines(input, width, style);
  const rows = Math.min(figures.length, Math.max(0, height));
  return (
    <Box flexDirection="column">
      <Lines lines={figures} width={width} height={rows} />
      <RiskCharts {...input} width={width} height={height - rows} />
    </Box>
  );
});

const overWords: Readonly<Partial<Record<Population, string>>> = {
  prompt: "per prompt",
  window: "over a window",
};

/**
 * What a measure goes by, without what plays no part in it: `cvar, α 0.4, by return` · `mean`.
 *
 * @param alpha as it is to be written
 */
export function riskPanelWords(risk: WhatIfQuestion, alpha: string, style: ViewStyle): string {
  const { measure, statistic } = risk;
  const component = componentInForce(risk);
  const population = populationInForce(risk);
  return [
    component === null ? measure : `${measure} of ${component}`,
    ...(usesAlpha(measure) ? [`${alphaName(style)} ${alpha}`] : []),
    ...(ranksByStatistic(risk) ? [`by ${statistic}`] : []),
    ...(population in overWords ? [overWords[population]!] : []),
  ].join(", ");
}

/** What the arm takes for its tail, for the panel's title. */
export function riskSetting({ risk }: RiskChartsInput["config"], style: ViewStyle): string {
  return riskPanelWords(risk, settingNumber(risk.alpha, style), style);
}

const longestCause = "held: few effective episodes".length;

/** Columns from which on the figures take two lines with full names. */
const fullNames = 66;

/** In cells that do not depend on the figures, so that the charts below stay where they are. */
function figureLines(
  { config, step, episodes, previous }: RiskChartsInput,
  width: number,
  style: ViewStyle,
): Line[] {
  const number = (value: number | null | undefined): string => shortNumber(value, style);
  const alpha = step === null ? number(null) : alphaNumber(step.alpha, style);
  const batch = step?.batch ?? config.training.batch;
  const kept = `${step?.kept ?? number(null)} of ${batch}`;
  const again = repeatedTail(episodes, previous);
  const fraction = again === null ? number(null) : formatFraction(Math.round(100 * again) / 100);
  const target = settingNumber(config.risk.alpha, style);
  const isWide = width >= fullNames;
  const bold = { bold: true };
  const cell = (name: string, value: string, columns: number, look: Look = {}): Line =>
    padLine(field(name, value, look), name.length + 1 + columns, style);
  const cells = [
    ...(usesAlpha(config.risk.measure)
      ? [cell(`${alphaName(style)}'`, alpha, "0.0123".length, bold)]
      : []),
    cell("kept", kept, 2 * String(batch).length + " of ".length, bold),
    // At the arm's α, so that iterations compare; what if has them at the α' in force.
    cell(`VaR ${target}`, number(step?.var), numberWidth, { color: "magenta" }),
    cell(`CVaR ${target}`, number(step?.cvar), numberWidth, { color: "red" }),
    cell(isWide ? "mean of kept" : "mean kept", number(step?.tail_mean), numberWidth),
    ...(step?.effective === undefined
      ? []
      : [cell(isWide ? "effective of kept" : "eff. kept", number(step.effective), numberWidth)]),
    ...(usesAlpha(config.risk.measure) && config.risk.annealing === "adaptive"
      ? [cell(`${alphaName(style)}'`, step?.annealing?.cause ?? number(null), longestCause)]
      : []),
    ...Object.entries(step?.risk_figures ?? {}).map(([name, value]) =>
      cell(riskFigureName(name), number(value), numberWidth),
    ),
    ...(step?.groups === undefined
      ? []
      : [
          cell(
            "equal groups",
            `${step.groups.equal} of ${step.groups.prompts}`,
            2 * String(step.groups.prompts).length + " of ".length,
          ),
        ]),
    ...samplingCells(step, cell, style),
    cell(isWide ? "tail prompts again" : "tail again", fraction, "100 %".length),
  ];
  return flowFields(cells, width);
}

/** Strata that are shown, each by a block: the hardest is the first. */
const mostStrata = 16;

/** Effective sample size, and how high each stratum's share is, where the sampler weighs or learns. */
function samplingCells(
  step: RiskChartsInput["step"],
  cell: (name: string, value: string, columns: number) => Line,
  style: ViewStyle,
): Line[] {
  if (step?.sampling === undefined) {
    return [];
  }
  const { effective, shares } = step.sampling;
  const scored = step.batch - step.failed;
  const digits = String(step.batch).length;
  const blocks = Math.min(mostStrata, shares.length);
  return [
    cell("effective", `${Math.round(effective)} of ${scored}`, 2 * digits + " of ".length),
    ...(blocks > 2 ? [cell("strata", sparkline(shares, blocks, style), blocks)] : []),
  ];
}

/** Room that schedule and histogram side by side need. */
const abreast = { width: 56, height: 5, gap: 2, leastLeft: 24, left: 0.4 };
/** Rows from which on there is a fan below. */
const withFan = 11;
/** Rows from which on all three have axes, one under the other. */
const threeStacked = 18;
/** Rows of a histogram with names to its lines. */
const namedHistogram = 6;

/** Least: the schedule in a row; then the histogram, the fan, and axes for the schedule. */
function RiskCharts({ width, height, ...input }: RiskChartsInput & Size): ReactElement | null {
  const style = useViewStyle();
  if (height < 1) {
    return null;
  }
  if (width >= abreast.width && height >= abreast.height) {
    const top = height >= withFan ? Math.ceil(height / 2) : height;
    const left = Math.max(abreast.leastLeft, Math.floor((width - abreast.gap) * abreast.left));
    return (
      <>
        <Box columnGap={abreast.gap}>
          <StepScheduleChart {...input} width={left} height={top} />
          <BatchChart {...input} width={width - abreast.gap - left} height={top} />
        </Box>
        <FanChart {...input} width={width} height={height - top} />
      </>
    );
  }
  if (height >= threeStacked) {
    const each = Math.floor(height / 3);
    return (
      <>
        <StepScheduleChart {...input} width={width} height={each} />
        <BatchChart {...input} width={width} height={height - 2 * each} />
        <FanChart {...input} width={width} height={each} />
      </>
    );
  }
  const rest = height - 1;
  const batchRows = height >= withFan ? Math.max(namedHistogram, Math.ceil(rest / 2)) : rest;
  return (
    <>
      <Row line={scheduleStrip(input, width, style)} width={width} />
      <BatchChart {...input} width={width} height={batchRows} />
      <FanChart {...input} width={width} height={rest - batchRows} />
    </>
  );
}
