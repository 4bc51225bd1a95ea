/** Panels as an option of the drawing library: one grid, two axes and the curves of each. */
import type { EChartsOption, SeriesOption } from "echarts";
import { formatNumber } from "../number-format.js";
import type { Axis, Curve, Mark, Panel, PlotSpec } from "./panel.js";

const ink = "#333333";
const faintInk = "#d9d9d9";
const background = "#ffffff";
const font = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

const width = 920;
const legendHeight = 40;
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
      legend: legend(spec.panels),
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

function legend(panels: readonly Panel[]): NonNullable<EChartsOption["legend"]> {
  const names = new Set(panels.flatMap((panel) => panel.curves.map((curve) => curve.name)));
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
    type: "value",
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

function plainFigure(value: number): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : value % 0.1 === 0 ? 1 : 2;
  return formatNumber(value, digits)
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");
}

function seriesOf(panel: Panel, index: number): SeriesOption[] {
  const bands = panel.curves.flatMap((curve) => bandSeries(curve, index));
  const lines = panel.curves.map((curve) => lineSeries(curve, index));
  return [...bands, ...lines, ...markSeries(panel.marks ?? [], index)];
}

function bandSeries(curve: Curve, index: number): SeriesOption[] {
  const band = curve.band ?? [];
  if (band.length < 2) {
    return [];
  }
  return [
    {
      type: "custom",
      xAxisIndex: index,
      yAxisIndex: index,
      clip: true,
      silent: true,
      // Every corner, so that the axes reach over the whole band; the first item draws it.
      data: band.flatMap(({ x, low, high }) => [
        [x, low],
        [x, high],
      ]),
      encode: { x: 0, y: 1 },
      renderItem: (params, api) => {
        if (params.dataIndex !== 0) {
          return null;
        }
        const upper = band.map(({ x, high }) => api.coord([x, high]));
        const lower = band.map(({ x, low }) => api.coord([x, low]));
        return {
          type: "polygon",
          shape: { points: [...upper, ...lower.reverse()] },
          style: { fill: curve.style.color, opacity: 0.14 },
        };
      },
    },
  ];
}

function lineSeries(curve: Curve, index: number): SeriesOption {
  const { color, dash, marker } = curve.style;
  const every = curve.markers === "some" ? Math.ceil(curve.points.length / 8) : 1;
  return {
    type: "line",
    name: curve.name,
    xAxisIndex: index,
    yAxisIndex: index,
    clip: true,
    silent: true,
    data: curve.points.map(({ x, y }) => [x, y]),
    ...(curve.shape === "step"
      ? { step: "end" as const, areaStyle: { color, opacity: 0.12 } }
      : {}),
    showSymbol: curve.markers !== "none",
    showAllSymbol: true,
    symbol: marker,
    symbolSize: (_value, params) =>
      (params as { dataIndex: number }).dataIndex % every === Math.floor(every / 2) ? 7 : 0,
    itemStyle: { color, opacity: curve.faint === true ? 0.4 : 1 },
    lineStyle: {
      color,
      type: curve.faint === true || typeof dash === "string" ? ("solid" as const) : [...dash],
      width: curve.faint === true ? 1 : 2,
      opacity: curve.faint === true ? 0.35 : 1,
    },
    z: curve.faint === true ? 2 : 3,
  };
}

function markSeries(marks: readonly Mark[], index: number): SeriesOption[] {
  if (marks.length === 0) {
    return [];
  }
  return [
    {
      type: "line",
      xAxisIndex: index,
      yAxisIndex: index,
      silent: true,
      data: [],
      markLine: {
        silent: true,
        symbol: "none",
        animation: false,
        lineStyle: { color: ink, type: [3, 3], width: 1 },
        label: { color: ink, fontSize: 11, fontFamily: font },
        data: marks.map(({ axis: along, at, label }) => ({
          ...(along === "x" ? { xAxis: at } : { yAxis: at }),
          label: {
            formatter: label,
            ...(along === "x"
              ? { position: "insideEndTop", rotate: 0, align: "right", offset: [-6, 10] }
              : { position: "insideStartTop" }),
          },
        })),
      },
    },
  ];
}
