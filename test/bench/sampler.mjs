/**
 * The cross-entropy sampler on a million prompts: finding its strata once per load, and the draw and
 * the learning of a batch of 4,096.
 *
 *   npm run build && node test/bench/sampler.mjs [prompts] [batch] [rounds]
 *
 * Prints one JSON object, milliseconds of CPU time. `first` is the draw that makes every stratum's
 * order; the others go on from it.
 */
import { samplingSchema } from "../../dist/config/schema/sampling.js";
import { crossEntropySampler } from "../../dist/risk/samplers/cross-entropy.js";
import { generator } from "../../dist/stats/random.js";

const prompts = Number(process.argv[2] ?? 1_000_000);
const batch = Number(process.argv[3] ?? 4096);
const rounds = Number(process.argv[4] ?? 200);

/** CPU time so far, of all threads: other programs of the machine do not count. */
function now() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** @param {number[]} values */
function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => Math.round(1000 * sorted[Math.floor(share * (sorted.length - 1))]) / 1000;
  return { p05: at(0.05), median: at(0.5), p95: at(0.95), max: at(1) };
}

const random = generator(1);
const pool = {
  ids: Uint32Array.from({ length: prompts }, (_, at) => at),
  scores: Float32Array.from({ length: prompts }, random),
};
const began = now();
const sampler = crossEntropySampler.prepare(pool, samplingSchema.parse({}), 0);
const prepare = now() - began;
const times = { draw: [], learn: [] };
let memory = null;
for (let step = 0; step < rounds; step += 1) {
  const start = now();
  const drawn = sampler.draw({ batch, step, memory });
  const drawnAt = now();
  const ranking = Float32Array.from(drawn.prompts, (id) => pool.scores[id] + random());
  const told = { drawn, step, ranking, completions: 1, alpha: 0.2, memory };
  const ranked = now();
  memory = sampler.learn(told);
  times.draw.push(drawnAt - start);
  times.learn.push(now() - ranked);
}
const [first] = times.draw;
console.log(
  JSON.stringify({
    prompts,
    batch,
    rounds,
    unit: "ms",
    prepare: Math.round(prepare),
    first: Math.round(1000 * first) / 1000,
    draw: quantiles(times.draw.slice(1)),
    learn: quantiles(times.learn),
  }),
);
