/** A quantity that is known for every iteration beforehand, as a schedule is: what is done, what is ahead. */
import type { Line, Look } from "../terminal/line.js";
import type { ChartOptions, Zoom } from "./chart.js";
import { lineChart } from "./line-chart.js";

export interface StepPlot {
  /** Of iteration 1 … `iterations`, a whole number. */
  readonly valueAt: (iteration: number) => number;
  readonly iterations: number;
  /** Null: all of them. */
  readonly x: Zoom | null;
  /** Values that the y axis holds in any case. */
  readonly y: readonly number[];
  /** Iteration in view; null: none is marked, and all of it is drawn as done. */
  readonly marker: number | null;
}

const done: Look = { color: "cyan" };
const ahead: Look = { dim: true };
/** More places than any terminal has dots across. */
const mostPlaces = 1200;

export function stepPlot(plot: StepPlot, options: ChartOptions): Line[] {
  const last = Math.max(1, plot.iterations);
  const from = Math.max(1, Math.floor(plot.x?.from ?? 1));
  const to = Math.min(last, Math.ceil(plot.x?.to ?? last));
  const xs: number[] = [];
  const ys: number[] = [];
  const places = plot.iterations === 0 || to < from ? 0 : Math.min(mostPlaces, to - from + 1);
  const put = (x: number, y: number): void => {
    xs.push(x);
    ys.push(y);
  };
  for (let place = 0; place < places; place += 1) {
    const x = places === 1 ? from : Math.round(from + ((to - from) * place) / (places - 1));
    const value = plot.valueAt(x);
    // Level up to this iteration, then at once to its value.
    if (ys.length > 0 && ys.at(-1) !== value) {
      put(x, ys.at(-1)!);
    }
    put(x, value);
  }
  const until = Math.min(plot.marker ?? last, last);
  const cut = (keep: (x: number) => boolean): { xs: number[]; ys: number[] } => {
    const kept = [...xs.keys()].filter((at) => keep(xs[at]!));
    return { xs: kept.map((at) => xs[at]!), ys: kept.map((at) => ys[at]!) };
  };
  return lineChart(
    {
      series: [
        { ...cut((x) => x <= until), look: done },
        { ...cut((x) => until < last && x >= until), look: ahead, dash: 1 },
      ],
      x: plot.iterations === 0 ? null : { from, to: Math.max(from, to) },
      y: plot.y,
      marker: plot.marker,
    },
    options,
  );
}
