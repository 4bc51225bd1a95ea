/**
 * What a batch costs in the risk layer: selection and the update's arrays, for every risk measure.
 *
 *   npm run build && node test/bench/selection.mjs [episodes] [rounds]
 *
 * Prints one JSON object, milliseconds of CPU. Batches differ from round to round, as a run's do.
 */
import { riskSchema } from "../../dist/config/schema/risk.js";
import { selectEpisodes } from "../../dist/engine/actions/select-episodes.js";
import { riskMeasureNames, riskMeasures, usesAlpha } from "../../dist/risk/measures/registry.js";
import { generator } from "../../dist/stats/random.js";

const episodes = Number(process.argv[2] ?? 65_536);
const rounds = Number(process.argv[3] ?? 15);
const completions = 8;

/** Heavy below: a sum of uniform numbers, and now and then a bad one. */
function batchOf(seed) {
  const random = generator(seed);
  const of = (weight) =>
    Float32Array.from({ length: episodes }, () => {
      const middle = random() + random() + random() - 1.5;
      return weight * (random() < 0.1 ? middle - 4 * random() : middle);
    });
  const [quality, harm] = [of(1), of(2)];
  const trained = quality.map((value, at) => value + harm[at]);
  return {
    returns: trained.map((value) => value - 0.2 * random()),
    lambdaReturns: null,
    rewards: trained,
    trained,
    trainedByComponent: { quality, harm },
    promptScores: null,
    completions,
  };
}

const batches = Array.from({ length: 4 }, (_, seed) => batchOf(seed + 1));
const median = {};
for (const measure of riskMeasureNames) {
  const { component } = riskMeasures[measure];
  const risk = riskSchema.parse({
    measure,
    component: component === "required" ? "harm" : "combined",
  });
  const alpha = usesAlpha(measure) ? risk.alpha : 1;
  const times = [];
  let memory = null;
  for (let round = -5; round < rounds; round++) {
    const batch = batches[(round + 8) % batches.length];
    const began = process.cpuUsage();
    const selected = selectEpisodes(risk, batch, {
      step: round + 5,
      seed: 1,
      alpha,
      beta: 0.2,
      memory,
    });
    const { user, system } = process.cpuUsage(began);
    if (round >= 0) times.push((user + system) / 1000);
    memory = selected.memory;
  }
  times.sort((a, b) => a - b);
  median[measure] = Math.round(100 * times[Math.floor(times.length / 2)]) / 100;
}
const slowest = Math.max(...Object.values(median));
console.log(JSON.stringify({ episodes, rounds, unit: "ms", slowest, median }));
