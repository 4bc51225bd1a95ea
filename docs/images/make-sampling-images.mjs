/**
 * Draws the picture of docs/sampling.md from the program's own functions, and prints the figures that
 * the text quotes. After `npm run build`: node docs/images/make-sampling-images.mjs
 */
import { samplingSchema } from "../../dist/config/schema/sampling.js";
import { promptSamplers } from "../../dist/risk/samplers/registry.js";
import { tailFigures, weightedTail } from "../../dist/risk/weighted-tail.js";
import { generator, streamSeed } from "../../dist/stats/random.js";
import { blue, draw, grey, orange, violet } from "./draw.mjs";

const prompts = 2000;
const batch = 64;
const alpha = 0.05;
const steps = 60;
const ids = Uint32Array.from({ length: prompts }, (_, at) => at);
const pool = { ids, scores: Float32Array.from(ids) };
/** Returns are U, uniform on [0, 1], and in the third stratum U − 3. */
const isBad = (id) => id >= 0.2 * prompts && id < 0.3 * prompts;
/** The lowest half of a tenth: U under ½, of mean ¼. */
const truth = 0.25 - 3;

function run(strategy) {
  const sampler = promptSamplers[strategy].prepare(pool, samplingSchema.parse({}), 0);
  let memory = null;
  const rows = [];
  for (let step = 0; step < steps; step += 1) {
    const drawn = sampler.draw({ batch, step, memory });
    const random = generator(streamSeed(0, `picture/${strategy}`, step));
    const ranking = Float32Array.from(drawn.prompts, (id) => random() - (isBad(id) ? 3 : 0));
    const { cvar } =
      strategy === "uniform"
        ? tailFigures(ranking, alpha, null)
        : weightedTail(ranking, drawn.naturalWeights, alpha);
    rows.push({ shares: drawn.strata.map(({ sampled }) => sampled), cvar });
    memory = sampler.learn?.({ drawn, step, ranking, completions: 1, alpha, memory }) ?? null;
  }
  return rows;
}

const uniform = run("uniform");
const learned = run("cross-entropy");
const error = (rows) =>
  Math.sqrt(rows.reduce((sum, { cvar }) => sum + (cvar - truth) ** 2, 0) / rows.length);
const figure = (value) => Math.round(1000 * value) / 1000;
console.log({
  truth,
  share: figure(learned.at(-1).shares[2]),
  error_uniform: figure(error(uniform.slice(20))),
  error_cross_entropy: figure(error(learned.slice(20))),
});

const axis = (name, gridIndex, settings = {}) => ({
  type: "value",
  name,
  gridIndex,
  nameLocation: "middle",
  nameGap: 30,
  splitLine: { show: false },
  axisLine: { show: true, onZero: false },
  axisTick: { show: true },
  ...settings,
});
const line = (name, grid, color, ys, settings = {}) => ({
  type: "line",
  name,
  xAxisIndex: grid,
  yAxisIndex: grid,
  showSymbol: false,
  lineStyle: { color, width: 2 },
  itemStyle: { color },
  data: ys.map((y, at) => [at + 1, y]),
  ...settings,
});
draw(
  "cross-entropy-sampler",
  "Shares of ten strata and estimates of CVaR over 60 iterations",
  {
    legend: {
      top: 6,
      itemGap: 26,
      itemWidth: 16,
      itemHeight: 8,
      icon: "roundRect",
      data: ["third stratum", "the other nine", "uniform", "cross-entropy"],
    },
    grid: [
      { left: 60, width: 270, top: 44, bottom: 50 },
      { left: 420, width: 270, top: 44, bottom: 50 },
    ],
    xAxis: [axis("iteration", 0, { max: steps }), axis("iteration", 1, { max: steps })],
    yAxis: [
      axis("share of the batch", 0, { max: 1, nameGap: 38 }),
      axis("CVaR of one batch", 1, { scale: true, nameGap: 38 }),
    ],
    series: [
      ...Array.from({ length: 10 }, (_, at) =>
        line(
          at === 2 ? "third stratum" : "the other nine",
          0,
          at === 2 ? orange : grey,
          learned.map(({ shares }) => shares[at]),
        ),
      ),
      line(
        "uniform",
        1,
        blue,
        uniform.map(({ cvar }) => cvar),
      ),
      line(
        "cross-entropy",
        1,
        orange,
        learned.map(({ cvar }) => cvar),
        {
          markLine: {
            silent: true,
            symbol: "none",
            lineStyle: { color: "#000000", type: [4, 4] },
            label: { formatter: "true", position: "insideEndTop" },
            data: [{ yAxis: truth }],
          },
          itemStyle: { color: violet },
          lineStyle: { color: violet, width: 2 },
        },
      ),
    ],
  },
  300,
);
