/** The tail as it is now and as it has moved: schedule, histogram, fan. */
import { formatShare } from "../../report/number-format.js";
import { besides, fitLine, flowFields, type Line, type ViewStyle } from "../line.js";
import { alphaNumber, field, settingNumber, shortNumber } from "./field.js";
import type { Panel, PanelSize } from "./panel.js";
import { batchChart, fanChartLines, type RiskInput, scheduleChart } from "./risk-charts.js";
import { repeatedTail } from "./step-tail.js";

/** Rows that a chart needs beside its heading to be worth looking at. */
const leastChart = 5;
/** Columns from which on two charts stand side by side. */
const twoAbreast = 72;

export const riskPanel: Panel<RiskInput> = {
  title: "Risk",
  rows: (_, width) => (width >= twoAbreast ? 17 : 23),
  lines: (input, size, style) => {
    const figures = flowFields(figureFields(input, style), size.width, 0);
    const rest = { width: size.width, height: size.height - figures.length };
    return [...figures, ...chartLines(input, rest, style)]
      .slice(0, Math.max(0, size.height))
      .map((line) => fitLine(line, size.width, style));
  },
};

function figureFields({ config, step, episodes, previous }: RiskInput, style: ViewStyle): Line[] {
  const { risk } = config;
  const [alpha, prime] = style.unicode ? ["α", "α'"] : ["alpha", "alpha'"];
  const setting = field(
    "measure",
    `${risk.measure}, ${alpha} ${settingNumber(risk.alpha, style)}, by ${risk.statistic}`,
  );
  if (step === null) {
    return [setting, [{ text: "no step yet", dim: true }]];
  }
  const again = repeatedTail(episodes, previous);
  const bold = { bold: true };
  return [
    field(prime!, alphaNumber(step.alpha, style), bold),
    field("kept", `${step.kept} of ${step.batch}`, bold),
    field("VaR", shortNumber(step.var, style), { color: "magenta" }),
    field("CVaR", shortNumber(step.cvar, style), { color: "red" }),
    field("mean of kept", shortNumber(step.tail_mean, style)),
    field(
      "tail prompts again",
      again === null ? shortNumber(null, style) : formatShare(Math.round(100 * again) / 100),
    ),
    setting,
    ...(step.failed > 0
      ? [[{ text: `${step.failed} without reward`, color: "yellow" } as const]]
      : []),
  ];
}

/** In this order, as room comes: histogram, schedule beside it, fan below. */
function chartLines(input: RiskInput, { width, height }: PanelSize, style: ViewStyle): Line[] {
  const least = leastChart + 1;
  if (width >= twoAbreast) {
    const gap = 2;
    const left = Math.floor((width - gap) * 0.4);
    const right = width - gap - left;
    const hasFan = height >= 2 * least;
    const top = hasFan ? Math.ceil(height / 2) : height;
    const pair = besides(
      [
        { lines: scheduleChart(input, { width: left, height: top }, style), width: left },
        { lines: batchChart(input, { width: right, height: top }, style), width: right },
      ],
      gap,
      style,
    );
    return hasFan
      ? [...pair, ...fanChartLines(input, { width, height: height - top }, style)]
      : pair;
  }
  const parts = Math.max(1, Math.min(3, Math.floor(height / least)));
  const each = Math.floor(height / parts);
  const first = height - each * (parts - 1);
  return [
    ...batchChart(input, { width, height: first }, style),
    ...(parts > 1 ? fanChartLines(input, { width, height: each }, style) : []),
    ...(parts > 2 ? scheduleChart(input, { width, height: each }, style) : []),
  ];
}
