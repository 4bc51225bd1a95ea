/**
 * Draws the pictures of docs/concepts.md and docs/annealing.md from the program's own functions, and prints the figures
 * that the text quotes. After `npm run build`: node docs/images/make-images.mjs
 */
import { riskSchema } from "../../dist/config/schema/risk.js";
import {
  afterStep,
  alphaInForce,
  keptEpisodes,
  plannedAlpha,
} from "../../dist/risk/annealing/schedule.js";
import { riskMeasures } from "../../dist/risk/measures/registry.js";
import { conditionalValueAtRisk, valueAtRisk } from "../../dist/risk/tail.js";
import { histogram } from "../../dist/stats/histogram.js";
import { mean } from "../../dist/stats/intervals.js";
import { generator, streamSeed } from "../../dist/stats/random.js";
import { blue, draw, green, grey, orange, violet } from "./draw.mjs";

/** An axis with its title. */
const axis = (name, settings = {}) => ({
  type: "value",
  name,
  nameLocation: "middle",
  nameGap: 32,
  splitLine: { show: false },
  axisLine: { show: true, onZero: false },
  axisTick: { show: true },
  ...settings,
});

/** A vertical line with a label. */
const mark = (x, label, color, position = "insideEndTop") => ({
  xAxis: x,
  lineStyle: { color, width: 2, type: "solid" },
  label: { formatter: label, color, position, rotate: 0 },
});

/** Normal draws (Box–Muller) from a named stream. */
function normalDraws(purpose, count, centre, spread) {
  const random = generator(streamSeed(0, purpose, 0));
  return Array.from(
    { length: count },
    () =>
      centre + spread * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

/** The fraction of values in each bin, as the corners of a stepped line. */
function outline(values, edges) {
  const { counts } = histogram(values, edges);
  return edges.map((edge, bin) => [edge, (100 * (counts[bin] ?? 0)) / values.length]);
}

function sameMean() {
  const steady = normalDraws("steady", 20_000, 2, 0.8);
  const mixed = [
    ...normalDraws("usual", 17_600, 2.6, 0.6),
    ...normalDraws("harmful", 2400, -2.4, 0.7),
  ];
  const shift = mean(steady) - mean(mixed);
  const shifted = mixed.map((value) => value + shift);
  const edges = Array.from({ length: 46 }, (_, index) => -5 + index / 5);
  const say = (name, values) =>
    console.log(
      `${name}: mean ${mean(values).toFixed(2)}, VaR₀.₁ ${valueAtRisk(values, 0.1).toFixed(2)}, ` +
        `CVaR₀.₁ ${conditionalValueAtRisk(values, 0.1).toFixed(2)}`,
    );
  say("A", steady);
  say("B", shifted);
  const line = (name, values, color) => ({
    name,
    type: "line",
    step: "end",
    symbol: "none",
    lineStyle: { width: 2 },
    areaStyle: { opacity: 0.15 },
    color,
    data: outline(values, edges),
  });
  draw(
    "same-mean",
    "Two reward distributions with one mean: A is narrow, B has a second hump far to the left",
    {
      xAxis: axis("reward of one reply", { min: -5, max: 4 }),
      yAxis: axis("% of replies", { nameGap: 38 }),
      series: [
        {
          ...line("model A", steady, blue),
          markLine: {
            symbol: "none",
            data: [mark(mean(steady), "mean of both", grey, "insideEndBottom")],
          },
        },
        {
          ...line("model B", shifted, orange),
          markLine: {
            symbol: "none",
            data: [
              mark(conditionalValueAtRisk(steady, 0.1), "CVaR of A", blue, "insideEndTop"),
              mark(conditionalValueAtRisk(shifted, 0.1), "CVaR of B", orange, "insideEndTop"),
            ],
          },
        },
      ],
    },
  );
}

function varAndCvar() {
  const alpha = 0.2;
  const returns = [
    ...normalDraws("batch", 1600, 1.5, 1.1),
    ...normalDraws("batch tail", 400, -1.6, 1.2),
  ];
  const risk = valueAtRisk(returns, alpha);
  const tail = conditionalValueAtRisk(returns, alpha);
  const width = 0.25;
  const below = Array.from({ length: 23 }, (_, index) => risk - (22 - index) * width);
  const above = Array.from({ length: 25 }, (_, index) => risk + index * width);
  const bars = (name, color, edges) => ({
    name,
    type: "line",
    step: "end",
    symbol: "none",
    lineStyle: { width: 1 },
    areaStyle: { opacity: 0.35 },
    color,
    data: [[edges[0], 0], ...outline(returns, edges)],
  });
  console.log(`α = 0.2: VaR ${risk.toFixed(2)}, CVaR ${tail.toFixed(2)}`);
  draw(
    "var-cvar",
    "A histogram of returns, its worst 20 % coloured, with lines at CVaR, VaR and mean",
    {
      xAxis: axis("return R̄ of one episode", { min: -5, max: 5 }),
      yAxis: axis("% of episodes", { nameGap: 38, max: 10 }),
      series: [
        {
          ...bars("the worst 20 %", orange, below),
          markLine: {
            symbol: "none",
            data: [mark(risk, "VaR", grey), mark(tail, "CVaR", orange)],
          },
        },
        {
          ...bars("the others", blue, above),
          markLine: { symbol: "none", data: [mark(mean(returns), "mean", blue)] },
        },
      ],
    },
  );
}

function schedule() {
  const line = (name, settings, iterations) => ({
    name,
    type: "line",
    symbol: "none",
    lineStyle: { width: 2 },
    data: Array.from({ length: iterations }, (_, step) => [
      step,
      keptEpisodes(settings, step, iterations, 128),
    ]),
  });
  const soft = riskSchema.parse({ alpha: 0.4, warmup: 30, rho: 0.95 });
  draw(
    "schedule",
    "Episodes kept against iterations: flat at 128, then a straight line down to 52 or 26",
    {
      xAxis: axis("iteration m", { max: 300 }),
      yAxis: axis("episodes kept of 128", { min: 0, max: 128, interval: 32 }),
      series: [
        line("IMDB: α 0.4, n 30, ρ 0.95, M 194", soft, 194),
        line("Jigsaw: α 0.2, n 30, ρ 0.95, M 288", { ...soft, alpha: 0.2 }, 288),
      ],
    },
  );
  console.log(
    `IMDB keeps ${[0, 30, 107, 185].map((step) => keptEpisodes(soft, step, 194, 128))} at m = 0, 30, 107, 185`,
  );
}

/** α' of every kind; the closed loop's under made-up figures that hold it twice. */
function annealing() {
  const iterations = 194;
  const settings = (kind, more = {}) =>
    riskSchema.parse({ alpha: 0.2, warmup: 30, annealing: kind, ...more });
  const line = (name, alphaAt) => ({
    name,
    type: "line",
    symbol: "none",
    lineStyle: { width: 2 },
    data: Array.from({ length: iterations }, (_, step) => [step, alphaAt(step)]),
  });
  const planned = (kind, more) =>
    line(kind, (step) => plannedAlpha(settings(kind, more), step, iterations));
  const loop = settings("adaptive");
  let memory = null;
  const adaptive = line("adaptive", (step) => {
    const alpha = alphaInForce(loop, step, iterations, memory);
    const signals = {
      effective: Math.ceil(128 * alpha),
      kl: step >= 60 && step < 85 ? 10 : 5,
      klTarget: 6,
      cvar: step < 110 ? step : step < 130 ? 220 - step : step - 40,
      batch: 128,
    };
    memory = afterStep(loop, step, iterations, memory, signals).memory;
    return alpha;
  });
  draw("annealing", "The fraction in force against iterations, for seven kinds of annealing", {
    color: [blue, grey, green, violet, "#e69f00", "#56b4e9", orange],
    legend: { top: 6, itemGap: 14, itemWidth: 16, itemHeight: 8, icon: "roundRect" },
    xAxis: axis("iteration m", { max: 200 }),
    yAxis: axis("α′", { min: 0, max: 1 }),
    series: [
      planned("soft"),
      planned("constant"),
      planned("linear"),
      planned("cosine"),
      planned("exponential"),
      planned("steps", {
        annealing_steps: [
          [40, 0.6],
          [100, 0.35],
          [150, 0.2],
        ],
      }),
      adaptive,
    ],
  });
}

function weights() {
  const returns = Array.from({ length: 50 }, (_, index) => -3 + (6 * index) / 49);
  const weigh = (name) =>
    riskMeasures[name].weigh({
      statistic: returns,
      returns,
      rewards: returns,
      components: [returns],
      prompt: returns.map((_, place) => place),
      population: "batch",
      alpha: 0.4,
      kept: 20,
      beta: 0,
      random: generator(0),
      settings: { ...riskSchema.parse({}), temperature: 1.5 },
      memory: null,
    }).weights;
  draw("weights", "Weight against return for four risk measures", {
    xAxis: axis("return R̄ of the episode", { min: -3, max: 3 }),
    yAxis: axis("weight"),
    series: ["cvar", "cvar-gradient", "mean-cvar", "entropic"].map((name) => ({
      name,
      type: "line",
      symbol: "none",
      lineStyle: { width: 2 },
      data: Array.from(weigh(name), (weight, episode) => [returns[episode], weight]),
    })),
  });
}

sameMean();
varAndCvar();
schedule();
annealing();
weights();
