/** Panels as an option of the drawing library: one grid, two axes and the curves of each. */
import type { EChartsOption } from "echarts";
import { wrapText } from "../../text/width.js";
import { axisMinimum, plainFigure } from "./axis-figures.js";
import { type Axis, font, ink, type PlotPanel, type PlotSpec } from "./panel.js";
import { seriesOf } from "./panel-series.js";

const faintInk = "#d9d9d9";
const background = "#ffffff";

/** Of a line of the legend, and of a title. */
const legendLine = 24;
const titleLine = 16;
/** As many fit into a narrow drawing. */
const titleLetters = 46;

/** A drawing is as wide as where it is shown, in pixels, so that its letters are read at their size. */
const layouts = {
  wide: {
    width: 920,
    columns: Number.POSITIVE_INFINITY,
    gap: { left: 66, right: 22, top: 34, bottom: 50 },
  },
  narrow: { width: 360, columns: 1, gap: { left: 52, right: 12, top: 34, bottom: 46 } },
} as const;

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly option: EChartsOption;
}

export function panelOption(spec: PlotSpec, layout: keyof typeof layouts = "wide"): Drawing {
  const { width, gap, columns: most } = layouts[layout];
  const columns = Math.max(1, Math.min(spec.columns, spec.panels.length, most));
  const rows = Math.ceil(spec.panels.length / columns);
  const cellWidth = width / columns;
  const cellHeight = layout === "narrow" ? 250 : columns === 1 ? 400 : columns === 2 ? 270 : 240;
  const names = legendNames(spec.panels);
  const legendHeight = 16 + legendLine * legendLines(names, width);
  const nameGap = gap.left - 20;
  const titles = spec.panels.map(({ title }) =>
    layout === "narrow" ? wrapText(title, titleLetters) : [title],
  );
  const titleHeight = titleLine * (Math.max(...titles.map(({ length }) => length)) - 1);
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
      title: spec.panels.map((_, index) => ({
        text: titles[index]!.join("\n"),
        left: place(index).left + (layout === "narrow" ? 8 : gap.left),
        top: place(index).top + 8,
        padding: 0,
        textStyle: {
          fontSize: 13,
          fontWeight: 600,
          color: ink,
          fontFamily: font,
          lineHeight: titleLine,
        },
      })),
      grid: spec.panels.map((_, index) => ({
        left: place(index).left + gap.left,
        top: place(index).top + gap.top + titleHeight,
        width: cellWidth - gap.left - gap.right,
        height: cellHeight - gap.top - titleHeight - gap.bottom,
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
        nameGap,
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
function legendLines(names: readonly string[], width: number): number {
  const letter = 7.5;
  const room = 0.94 * width;
  let lines = 1;
  let used = 0;
  for (const name of names) {
    const wanted = 71 + letter * name.length;
    if (used > 0 && used + wanted > room) {
      lines += 1;
      used = 0;
    }
    used += wanted;
  }
  return lines;
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
    ...(spec.fromZero === true ? { min: axisMinimum } : { scale: true }),
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
