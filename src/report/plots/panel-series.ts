/** A panel's curves, bands and marks as series of the drawing library. */
import type { SeriesOption } from "echarts";
import { type Curve, font, ink, type Mark, type PlotPanel } from "./panel.js";

/** Bands first: lines lie over them. */
export function seriesOf(panel: PlotPanel, index: number): SeriesOption[] {
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
    data: curve.points.map(({ x, y }, at) => ({
      value: [x, y],
      symbol: at % every === Math.floor(every / 2) ? marker : "none",
    })),
    ...(curve.shape === "step"
      ? { step: "end" as const, areaStyle: { color, opacity: 0.12 } }
      : {}),
    showSymbol: curve.markers !== "none",
    showAllSymbol: true,
    symbol: marker,
    symbolSize: 7,
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
        // The default rounds where the line stands to two digits.
        precision: 12,
        lineStyle: { color: ink, type: [3, 3], width: 1 },
        label: { color: ink, fontSize: 11, fontFamily: font },
        data: marks.map((mark) => ({
          ...(mark.axis === "x" ? { xAxis: mark.at } : { yAxis: mark.at }),
          label: { formatter: mark.label, ...labelPlace(mark) },
        })),
      },
    },
  ];
}

function labelPlace({ axis, side }: Mark): object {
  if (axis === "y") {
    return { position: "insideStartTop" };
  }
  // Written across, not along, the line.
  const place = { position: "insideEndTop", rotate: 0 };
  return side === "right"
    ? { ...place, align: "left", offset: [12, 10] }
    : { ...place, align: "right", offset: [-6, 10] };
}
