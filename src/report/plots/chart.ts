/**
 * Draws a plot as SVG text with echarts' server-side renderer: no browser, no DOM. The library is
 * loaded at the first plot (about half a second), so that commands without plots do not pay.
 */
import type { EChartsType } from "echarts/core";
import type { PlotSpec, ReportPlot } from "./panel.js";
import { type Drawing, panelOption } from "./panel-option.js";

export async function drawPlot(spec: PlotSpec): Promise<ReportPlot> {
  const { id, title, caption } = spec;
  return {
    ...{ id, title, caption },
    svg: await drawn(panelOption(spec), id, title),
    narrow: await drawn(panelOption(spec, "narrow"), `${id}-narrow`, title),
  };
}

/** @param id that no other drawing of the page has */
async function drawn(drawing: Drawing, id: string, title: string): Promise<string> {
  const { option, width, height } = drawing;
  const start = await loadLibrary();
  const chart = start(width, height);
  try {
    chart.setOption(option);
    return tidy(chart.renderToSVGString(), id, title);
  } finally {
    // A chart that is not disposed of keeps a timer, and with it the process, alive.
    chart.dispose();
  }
}

type Start = (width: number, height: number) => EChartsType;

let library: Promise<Start> | undefined;

function loadLibrary(): Promise<Start> {
  library ??= load();
  return library;
}

async function load(): Promise<Start> {
  const [core, charts, components, renderers] = await Promise.all([
    import("echarts/core"),
    import("echarts/charts"),
    import("echarts/components"),
    import("echarts/renderers"),
  ]);
  core.use([
    charts.LineChart,
    charts.CustomChart,
    components.GridComponent,
    components.LegendComponent,
    components.TitleComponent,
    components.MarkLineComponent,
    renderers.SVGRenderer,
  ]);
  return (width, height) => core.init(null, null, { renderer: "svg", ssr: true, width, height });
}

/**
 * Takes out what only a live chart needs (hover styles, hit areas, element numbers) and names the
 * rest after the plot: the library counts its charts, and a report must not depend on how many
 * were drawn before it, nor may two plots on one page share an id.
 */
function tidy(svg: string, id: string, title: string): string {
  return svg
    .replace(/<style[^>]*>[\s\S]*?<\/style>\s*/g, "")
    .replace(/ (?:ecmeta_\w+|class|pointer-events)="[^"]*"/g, "")
    .replace(/\bzr\d+-/g, `${id}-`)
    .replace(/^<svg /, `<svg role="img" aria-label="${escapeAttribute(title)}" `);
}

function escapeAttribute(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
}
