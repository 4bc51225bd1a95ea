/** Panels as an option of the drawing library: one grid, two axes and the curves of each. */
import type { EChartsOption } from "echarts";
import { formatCount } from "../../text/numbers.js";
import { type Axis, font, ink, type PlotPanel, type PlotSpec } from "./panel.js";
import { seriesOf } from "./panel-series.js";

const faintInk = "#d9d9d9";
const background = "#ffffff";

const width = 920;
/** Of a legend's line. */
const legendLine = 24;
const gap = { left: 66, right: 22, top: 34, bottom: 50 };

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly option: EChartsOption;
}

export function panelOption(spec: PlotSpec): Drawing {
  const columns = Math.max(1, Math.min(spec.columns, spec.panels.length));
  const rows = Math.ceil(spec.panels.length / columns);
  const cellWidth = width / columns;
  const cellHeight = columns === 1 ? 400 : columns === 2 ? 270 : 240;
  const names = legendNames(spec.panels);
  const legendHeight = 16 + legendLine * legendLines(names);
  const place = (index: number): { left: number; top: number } => ({
    left: (index % columns) * cellWidth,
    top: legendHeight + Math.floor(index / columns) * cellHeight,
  });
  return {
    width,
    height: legendHeight + rows * cellHeight,
    option: {
      animation: false,
      backgroundColor: background,
      textStyle: { fontFamily: font, color: ink },
      legend: legend(names),
      title: spec.panels.map((panel, index) => ({
        text: panel.title,
        left: place(index).left + gap.left,
        top: place(index).top + 8,
        padding: 0,
        textStyle: { fontSize: 13, fontWeight: 600, color: ink, fontFamily: font },
      })),
      grid: spec.panels.map((_, index) => ({
        left: place(index).left + gap.left,
        top: place(index).top + gap.top,
        width: cellWidth - gap.left - gap.right,
        height: cellHeight - gap.top - gap.bottom,
      })),
      xAxis: spec.panels.map((panel, index) => ({
        ...axis(panel.x, index),
        nameLocation: "middle",
        nameGap: 28,
        splitLine: { show: false },
      })),
      yAxis: spec.panels.map((panel, index) => ({
        ...axis(panel.y, index),
        nameLocation: "middle",
        nameGap: 46,
        splitLine: { lineStyle: { color: faintInk } },
      })),
      series: spec.panels.flatMap((panel, index) => seriesOf(panel, index)),
    },
  };
}

function legendNames(panels: readonly PlotPanel[]): string[] {
  return [...new Set(panels.flatMap((panel) => panel.curves.map((curve) => curve.name)))];
}

/** The library breaks a legend that is too wide; panels must leave room for its lines. */
function legendLines(names: readonly string[]): number {
  const letter = 7.5;
  const wanted = names.reduce((sum, name) => sum + 71 + letter * name.length, 0);
  return Math.max(1, Math.ceil(wanted / (0.94 * width)));
}

function legend(names: readonly string[]): NonNullable<EChartsOption["legend"]> {
  return {
    data: [...names],
    top: 6,
    left: "center",
    itemWidth: 44,
    itemHeight: 9,
    itemGap: 22,
    selectedMode: false,
    textStyle: { fontSize: 13, color: ink, fontFamily: font },
  };
}

function axis(spec: Axis, gridIndex: number): object {
  return {
    type: spec.log === true ? "log" : "value",
    gridIndex,
    name: spec.name,
    nameTextStyle: { fontSize: 12, color: ink, fontFamily: font },
    scale: true,
    ...(spec.min === undefined ? {} : { min: spec.min }),
    ...(spec.max === undefined ? {} : { max: spec.max }),
    splitNumber: 5,
    axisLine: { show: true, onZero: false, lineStyle: { color: "#8a8a8a" } },
    axisTick: { show: true, lineStyle: { color: "#8a8a8a" } },
    axisLabel: {
      fontSize: 11,
      color: ink,
      hideOverlap: true,
      formatter: spec.format ?? plainFigure,
    },
  };
}

/** As short as it goes: axes have round figures, whatever their size. */
function plainFigure(value: number): string {
  if (Math.abs(value) >= 10_000) {
    return formatCount(value).replace("-", "−");
  }
  const small = value !== 0 && Math.abs(value) < 1e-4;
  const text = small ? value.toExponential() : `${Number(value.toPrecision(6))}`;
  return text.replaceAll("-", "−");
}
