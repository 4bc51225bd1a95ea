/**
 * One iteration of the controller at up to a million episodes, without a worker: what is on the wire,
 * decoding, selection, the journal's side file, and what the dashboard reads.
 *
 *   npm run build && node test/bench/scale.mjs [episodes …]
 *
 * Prints one JSON object; milliseconds of processor time, median of three.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "@msgpack/msgpack";
import { riskSchema } from "../../dist/config/schema/risk.js";
import { selectEpisodes } from "../../dist/engine/actions/select-episodes.js";
import { readEpisodesFile, writeEpisodesFile } from "../../dist/journal/episodes-file.js";
import {
  float32Array,
  float32Bytes,
  uint32Array,
  uint32Bytes,
} from "../../dist/protocol/arrays.js";
import { checkedResult, decodeMessage, encodeRequest } from "../../dist/protocol/codec.js";
import { plainUpdate } from "../../dist/protocol/plain-payloads.js";
import { generator } from "../../dist/stats/random.js";
import { returnQuantiles } from "../../dist/tui/dashboard/panels/episodes-of-step.js";
import { tailEntries } from "../../dist/tui/dashboard/panels/tail-rows.js";

const sizes = process.argv.slice(2).map(Number);
const chosen = sizes.length > 0 ? sizes : [1_000, 10_000, 100_000, 1_000_000];
const folder = mkdtempSync(join(tmpdir(), "averse-scale-"));
const declared = { update: {}, evaluate: {}, stage: {} };
const session = "0".repeat(36);

/** Milliseconds of processor time, and the last result. */
function timed(work) {
  const times = [];
  let result;
  for (let round = 0; round < 3; round += 1) {
    const began = process.cpuUsage();
    result = work(round);
    const { user, system } = process.cpuUsage(began);
    times.push((user + system) / 1000);
  }
  return { ms: times.toSorted((a, b) => a - b)[1], result };
}

function answerOf(episodes) {
  const random = generator(episodes);
  const numbers = () => Float32Array.from({ length: episodes }, () => random() + random() - 1);
  const reward = float32Bytes(numbers());
  return {
    ...{ rollout: 1, reward, components: [{ name: "reward", scores: reward, failures: [] }] },
    ...{ trained: [reward], kl: float32Bytes(numbers()), return: float32Bytes(numbers()) },
    lambda_return: float32Bytes(numbers()),
    length: uint32Bytes(new Uint32Array(episodes).fill(24)),
    ...{ entropy: 1, tokens: 24 * episodes },
    seconds: { sample: 1, reference: 1, reward: 1 },
  };
}

const risk = riskSchema.parse({ annealing: "constant" });
const rows = [];
try {
  for (const episodes of chosen) {
    const prompts = Uint32Array.from({ length: episodes }, (_, at) => at);
    const asked = {
      ...{ prompts: uint32Bytes(prompts), completions: 1, condition: null },
      ...{ seed: 1, kl_coefficient: 0.2 },
    };
    const request = encodeRequest(session, 1, "rollout", asked).length;
    const reply = encode({ kind: "reply", session, id: 1, result: answerOf(episodes) });
    const decoded = timed(() => {
      const result = checkedResult("rollout", asked, 1, decodeMessage(reply).result, declared);
      return {
        rewards: float32Array(result.reward),
        returns: float32Array(result.return),
        trained: float32Array(result.trained[0]),
        lambda: float32Array(result.lambda_return),
        kl: float32Array(result.kl),
        length: uint32Array(result.length),
      };
    });
    const { rewards, returns, trained, lambda, kl, length } = decoded.result;
    const batch = {
      ...{ returns, lambdaReturns: lambda, rewards, trained },
      ...{ trainedByComponent: { reward: trained }, promptScores: null, completions: 1 },
    };
    const position = { step: 1, seed: 1, alpha: risk.alpha, beta: 0.2, memory: null };
    const selected = timed(() => selectEpisodes(risk, batch, position));
    const weights = selected.result.weights;
    const updating = timed(() => encodeRequest(session, 2, "update", plainUpdate(1, weights)));
    const record = {
      ...{ prompt: [...prompts], reward: [...rewards], kl: [...kl], return: [...returns] },
      ...{ length: [...length], weight: [...weights] },
    };
    const path = join(folder, `${episodes}.bin`);
    const written = timed(() => writeEpisodesFile(path, record));
    const read = timed(() => readEpisodesFile(path, written.result.sha256));
    const drawn = timed(() => returnQuantiles(1, read.result));
    const listed = timed(() =>
      tailEntries({
        ...{ episodes: read.result, texts: [], filter: "", completions: 1, grouped: false },
      }),
    );
    rows.push({
      episodes,
      wire_bytes: { rollout: request, returns: reply.length, update: updating.result.length },
      bytes_per_episode: Number(
        ((request + reply.length + updating.result.length) / episodes).toFixed(1),
      ),
      ms: {
        decode: Math.round(decoded.ms),
        select: Math.round(selected.ms),
        encode: Math.round(updating.ms),
        journal: Math.round(written.ms),
        dashboard_read: Math.round(read.ms),
        dashboard_quantiles: Math.round(drawn.ms),
        dashboard_tail: Math.round(listed.ms),
      },
      journal_bytes: statSync(path).size,
      rss_mb: Math.round(process.memoryUsage().rss / 2 ** 20),
    });
    console.error(JSON.stringify(rows.at(-1)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify({ unit: "ms of processor time", rows }));
