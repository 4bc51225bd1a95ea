/**
 * How often the certified bounds and the intervals hold, and how far they are from the truth: the
 * tables of docs/statistics.md.
 *
 *   node --import tsx test/bench/coverage.mjs [DRAWS] [tails|rates|means|seeds]
 *
 * By default all tables, of 4,000 samples of each distribution and size; some minutes.
 */
import { rateBound } from "../../src/stats/beta.js";
import { meanUpperBound } from "../../src/stats/betting-bound.js";
import { cvarLowerBound, cvarUpperBound, varLowerBound } from "../../src/stats/certificates.js";
import { hierarchicalBootstrap } from "../../src/stats/hierarchical-bootstrap.js";
import { confidence95, mean, sd } from "../../src/stats/intervals.js";
import { generator } from "../../src/stats/random.js";
import { drawn, knownTails } from "../stats/known-tails.ts";

const draws = Number(process.argv[2] ?? 4000);
const only = process.argv[3];
const delta = 0.05;
const alpha = 0.1;

/** A bound's tally over the samples. */
class Tally {
  #held = 0;
  #sum = 0;
  /** @param {boolean} holds @param {number} value */
  add(holds, value) {
    this.#held += holds ? 1 : 0;
    this.#sum += value;
  }
  /** @param {number} digits */
  cells(digits = 3) {
    return `${this.held()} | ${(this.#sum / draws).toFixed(digits)}`;
  }
  held() {
    return `${((100 * this.#held) / draws).toFixed(1)} %`;
  }
}

/** @param {string} head */
function heading(head) {
  console.log(`\n${head}\n${head.replaceAll(/[^|]+/g, "---")}`);
}

function tails() {
  heading(
    "| scores | n | CVaR₀.₁ | DKW: held | mean bound | order statistics: held | mean bound | VaR₀.₁: held |",
  );
  for (const tail of knownTails) {
    for (const n of [100, 400, 1600]) {
      const truth = tail.cvar(alpha);
      const [dkw, order, quantile] = [new Tally(), new Tally(), new Tally()];
      for (let draw = 0; draw < draws; draw += 1) {
        const scores = drawn(tail, n, draw * 7919 + n);
        for (const [method, tally] of /** @type {const} */ ([
          ["dkw", dkw],
          ["order-statistics", order],
        ])) {
          const options = { alpha, delta, lower: tail.lower, method };
          const bound = cvarLowerBound(scores, options).bound ?? Number.NaN;
          tally.add(bound <= truth + 1e-6, bound);
        }
        const bound = varLowerBound(scores, { alpha, delta }).bound ?? Number.NEGATIVE_INFINITY;
        quantile.add(bound <= tail.quantile(alpha), bound);
      }
      console.log(
        `| ${tail.name} | ${n} | ${truth.toFixed(3)} | ${dkw.cells()} | ${order.cells()} | ${quantile.held()} |`,
      );
    }
  }
}

function rates() {
  heading("| rate | n | Clopper–Pearson: held | mean bound |");
  for (const rate of [0.005, 0.05, 0.3]) {
    for (const n of [100, 1000]) {
      const random = generator(n);
      const tally = new Tally();
      for (let draw = 0; draw < draws; draw += 1) {
        let k = 0;
        for (let i = 0; i < n; i += 1) k += random() < rate ? 1 : 0;
        const bound = rateBound(k, n, delta, "upper");
        tally.add(bound >= rate, bound);
      }
      console.log(`| ${rate} | ${n} | ${tally.cells(4)} |`);
    }
  }
}

function means() {
  heading(
    "| maxima in [0, 1] | n | mean | betting: held | mean bound | order statistics: mean bound | Hoeffding: mean bound | empirical Bernstein: mean bound |",
  );
  for (const [name, power] of /** @type {const} */ ([
    ["beta(0.2, 1)", 5],
    ["beta(½, 1)", 2],
    ["uniform", 1],
    ["beta(5, 1)", 0.2],
  ])) {
    const truth = 1 / (power + 1);
    for (const n of [100, 400, 1600]) {
      const [betting, order] = [new Tally(), new Tally()];
      const [hoeffding, bernstein] = [new Tally(), new Tally()];
      for (let draw = 0; draw < draws; draw += 1) {
        const random = generator(draw * 7919 + n);
        const maxima = Float64Array.from({ length: n }, () => random() ** power);
        const { bound } = meanUpperBound(maxima, { delta, lower: 0, upper: 1 });
        betting.add(bound >= truth, bound);
        const band = cvarUpperBound(maxima, { alpha: 1, delta, upper: 1 }).bound ?? Number.NaN;
        order.add(band >= truth, band);
        const centre = mean(maxima);
        const margin = Math.sqrt(Math.log(1 / delta) / (2 * n));
        hoeffding.add(centre + margin >= truth, centre + margin);
        const log = Math.log(2 / delta);
        const own =
          centre + (sd(maxima) ?? 0) * Math.sqrt((2 * log) / n) + (7 * log) / (3 * (n - 1));
        bernstein.add(own >= truth, own);
      }
      const last = (/** @type {Tally} */ tally) => tally.cells().split("| ")[1];
      console.log(
        `| ${name} | ${n} | ${truth.toFixed(3)} | ${betting.cells()} | ${last(order)} | ${last(hoeffding)} | ${last(bernstein)} |`,
      );
    }
  }
}

function seeds() {
  heading(
    "| seeds | Student's t over seeds: held | mean width | hierarchical: held | mean width |",
  );
  // The true difference is 0. Seeds differ by sd 1, prompts by sd 3 (in all seeds alike) and the rest
  // by sd 3; 100 prompts, so that seeds are most of the noise, as in training runs.
  for (const seeds of [3, 5, 10, 20]) {
    const [student, both] = [new Tally(), new Tally()];
    for (let draw = 0; draw < draws; draw += 1) {
      const random = generator(draw * 7919 + seeds);
      const normal = () =>
        Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const prompts = Array.from({ length: 100 }, () => 3 * normal());
      const all = Array.from({ length: seeds }, () => {
        const seed = normal();
        return prompts.map((prompt) => seed + prompt + 3 * normal());
      });
      const [low, high] = confidence95(all.map((values) => mean(values))) ?? [0, 0];
      student.add(low <= 0 && high >= 0, high - low);
      const [from, to] = hierarchicalBootstrap(
        all.map((values) => values.length),
        (seed, resample) => {
          let sum = 0;
          for (const at of resample) sum += all[seed]?.[at] ?? Number.NaN;
          return sum / resample.length;
        },
        generator(draw),
        { shared: true, draws: 400 },
      ) ?? [0, 0];
      both.add(from <= 0 && to >= 0, to - from);
    }
    console.log(`| ${seeds} | ${student.cells(2)} | ${both.cells(2)} |`);
  }
}

for (const [name, print] of Object.entries({ tails, rates, means, seeds })) {
  if (only === undefined || only === name) print();
}
