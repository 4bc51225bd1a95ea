/**
 * What the controller adds to a step: one rollout through the real socket, decoded, selected and
 * turned into weights, with the Python fake engine on the other side.
 *
 *   npm run build && node test/bench/controller.mjs [episodes] [rounds]
 *
 * Prints one JSON object, milliseconds. `round_trip` is from the call to the weights; `worker` is
 * what the engine says it took to sample and score; `overhead` is the rest: both codecs, the
 * socket, validation, selection. `ping` is a round trip that carries nothing.
 */
import { fileURLToPath } from "node:url";
import { riskSchema } from "../../dist/config/schema/risk.js";
import { selectEpisodes } from "../../dist/engine/actions/select-episodes.js";
import {
  float32Array,
  float32Bytes,
  uint32Array,
  uint32Bytes,
} from "../../dist/protocol/arrays.js";
import { builtinLoad } from "../../dist/worker/conformance/payloads.js";
import { openSession } from "../../dist/worker/session.js";
import { readWorkerSpec } from "../../dist/worker/spec.js";

const episodes = Number(process.argv[2] ?? 1024);
const rounds = Number(process.argv[3] ?? 300);
const warmup = Math.ceil(rounds / 5);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** The load of the tests with the lengths of the paper: nothing else of it counts in a rollout. */
const loading = {
  ...builtinLoad,
  data: { ...builtinLoad.data, prompt_tokens: 64 },
  rollout: { ...builtinLoad.rollout, new_tokens: 48 },
};

/** @param {number[]} values */
function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => Math.round(1000 * sorted[Math.floor(share * (sorted.length - 1))]) / 1000;
  return { p05: at(0.05), median: at(0.5), p95: at(0.95), max: at(1) };
}

const worker = await openSession(readWorkerSpec("fake", root), { root });
const times = { round_trip: [], worker: [], overhead: [], decode_select: [], ping: [] };
try {
  const { train } = await worker.call("load", loading);
  const ids = uint32Array(train.ids);
  const asked = Uint32Array.from({ length: episodes }, (_, i) => ids[i % ids.length]);
  const risk = riskSchema.parse({ annealing: "constant" });
  for (let round = -warmup; round < rounds; round++) {
    const payload = {
      prompts: uint32Bytes(asked),
      completions: 1,
      condition: null,
      seed: round + warmup,
      kl_coefficient: 0.2,
    };
    const began = performance.now();
    const rollout = await worker.call("rollout", payload);
    const answered = performance.now();
    const trained = rollout.trained.map(float32Array);
    const batch = {
      returns: float32Array(rollout.return),
      lambdaReturns: float32Array(rollout.lambda_return),
      rewards: float32Array(rollout.reward),
      trained: trained[0],
      trainedByComponent: { reward: trained[0] },
      promptScores: null,
      completions: 1,
    };
    const position = { step: round + warmup, seed: 1, alpha: risk.alpha, beta: 0.2, memory: null };
    float32Bytes(selectEpisodes(risk, batch, position).weights);
    const ended = performance.now();
    await worker.call("ping", {});
    const pinged = performance.now();
    if (round >= 0) {
      const { sample, reference, reward } = rollout.seconds;
      const engine = 1000 * (sample + reference + reward);
      times.round_trip.push(ended - began);
      times.worker.push(engine);
      times.overhead.push(ended - began - engine);
      times.decode_select.push(ended - answered);
      times.ping.push(pinged - ended);
    }
  }
} finally {
  await worker.close();
}
const figures = Object.entries(times).map(([name, values]) => [name, quantiles(values)]);
console.log(JSON.stringify({ episodes, rounds, unit: "ms", ...Object.fromEntries(figures) }));
