/**
 * How often the certified bounds hold, and how far they are from the truth: the table of
 * docs/statistics.md.
 *
 *   node --import tsx test/bench/coverage.mjs [DRAWS]
 *
 * By default 4,000 samples of each distribution and size; a minute or two.
 */
import { cvarLowerBound, varLowerBound } from "../../src/stats/certificates.js";
import { drawn, knownTails } from "../stats/known-tails.ts";

const draws = Number(process.argv[2] ?? 4000);
const delta = 0.05;
const alpha = 0.1;

console.log(
  "| scores | n | CVaR₀.₁ | DKW: held | mean bound | order statistics: held | mean bound | VaR₀.₁: held |",
);
console.log("|---|---|---|---|---|---|---|---|");
for (const tail of knownTails) {
  for (const n of [100, 400, 1600]) {
    const truth = tail.cvar(alpha);
    const found = { dkw: [0, 0], "order-statistics": [0, 0], var: [0, 0] };
    for (let draw = 0; draw < draws; draw += 1) {
      const scores = drawn(tail, n, draw * 7919 + n);
      for (const method of /** @type {const} */ (["dkw", "order-statistics"])) {
        const bound =
          cvarLowerBound(scores, { alpha, delta, lower: tail.lower, method }).bound ?? NaN;
        found[method][0] += bound <= truth + 1e-6 ? 1 : 0;
        found[method][1] += bound;
      }
      const quantile = varLowerBound(scores, { alpha, delta }).bound ?? Number.NEGATIVE_INFINITY;
      found.var[0] += quantile <= tail.quantile(alpha) ? 1 : 0;
    }
    const held = (/** @type {number[]} */ [count = 0]) => `${((100 * count) / draws).toFixed(2)} %`;
    const average = (/** @type {number[]} */ [, sum = 0]) => (sum / draws).toFixed(3);
    console.log(
      `| ${tail.name} | ${n} | ${truth.toFixed(3)} | ${held(found.dkw)} | ${average(found.dkw)} | ` +
        `${held(found["order-statistics"])} | ${average(found["order-statistics"])} | ${held(found.var)} |`,
    );
  }
}
