import { expect, test } from "vitest";
import { experimentSchema } from "../../src/config/schema/experiment.js";
import { adviceFor } from "../../src/sizing/advice.js";
import { givenRates } from "../../src/sizing/given-rates.js";
import { type Division, memoryOf, totalOf, undivided } from "../../src/sizing/memory.js";
import { adapterParameters, matrixParameters, shapeOf } from "../../src/sizing/model-shape.js";
import { ratesOf, type Timing } from "../../src/sizing/rates.js";
import { type Rates, speedAt } from "../../src/sizing/speed.js";
import { alone, iterationTime, totalSeconds } from "../../src/sizing/time.js";
import { type Workload, workloadOf } from "../../src/sizing/workload.js";

const gpt2 = {
  ...{ model_type: "gpt2", n_layer: 12, n_embd: 768, n_head: 12, vocab_size: 50_257 },
  n_positions: 1024,
};
const llama = {
  ...{ model_type: "llama", num_hidden_layers: 32, hidden_size: 4096, hidden_act: "silu" },
  ...{ num_attention_heads: 32, num_key_value_heads: 8, intermediate_size: 14_336 },
  ...{ vocab_size: 128_256, tie_word_embeddings: false },
};

test("parameters are counted from config.json within a thousandth of the published ones", () => {
  const within = (counted: number, published: number) =>
    expect(Math.abs(counted / published - 1)).toBeLessThan(1e-3);
  within(shapeOf(gpt2, null)!.parameters, 124_439_808);
  within(shapeOf(llama, null)!.parameters, 8_030_261_248);
  expect(shapeOf(gpt2, 7)!.parameters).toBe(7);
  expect(shapeOf({ hidden_size: 3 }, null)).toBeNull();
});

test("an adapter has rank × (inputs + outputs) of every matrix", () => {
  // c_attn 768 → 2304, c_proj 768 → 768, c_fc 768 → 3072 and back.
  const layer = 768 + 2304 + 2 * 768 + 2 * (768 + 3072);
  expect(adapterParameters(shapeOf(gpt2, null)!, 8)).toBe(12 * 8 * layer);
  // q and o 4096 → 4096, k and v 4096 → 1024, gate, up, down.
  const gated = 2 * 8192 + 2 * (4096 + 1024) + 3 * (4096 + 14_336);
  expect(adapterParameters(shapeOf(llama, null)!, 16)).toBe(32 * 16 * gated);
  const matrices = 2 * 4096 ** 2 + 2 * 4096 * 1024 + 3 * 4096 * 14_336;
  expect(matrixParameters(shapeOf(llama, null)!)).toBe(matrices);
});

function work(changes: Partial<Workload> = {}, set: object = {}): Workload {
  const experiment = experimentSchema.parse({
    name: "x",
    arms: ["ra-rlhf"],
    training: { iterations: 100, batch: 64, minibatch: 32, epochs: 2 },
    rollout: { prompt_tokens: 32, new_tokens: 16 },
    ...set,
  });
  const { arms: _, ...file } = experiment;
  const { reward, rollout, training, risk, sampling, kl, decoding } = file;
  const arm = { stage: "rl" as const, reward, rollout, training, risk, sampling, kl, decoding };
  const models = { policy: shapeOf(gpt2, null)!, scorers: [] };
  return { ...workloadOf(experiment, arm, models, false), ...changes };
}

test("weights, gradients and moments are float32; what LoRA, EMA and bfloat16 change", () => {
  const plain = work();
  const { parameters } = plain.policy;
  const parts = memoryOf(plain).phases.update;
  expect(parts).toMatchObject({
    parameters: 4 * parameters,
    reference: 4 * parameters,
    gradients: 4 * parameters,
    optimizer: 8 * parameters,
  });
  expect(parts.ema).toBeUndefined();
  expect(memoryOf(work({ hasEma: true })).phases.load.ema).toBe(4 * parameters);
  expect(memoryOf(work({ frozenBytes: 2 })).phases.load.reference).toBe(2 * parameters);
  const lora = memoryOf(work({ loraRank: 16, ownReference: false })).phases.update;
  const adapter = adapterParameters(plain.policy, 16);
  expect(lora.reference).toBeUndefined();
  expect([lora.gradients, lora.optimizer]).toEqual([4 * adapter, 8 * adapter]);
  expect(lora.parameters).toBe(4 * parameters + 4 * adapter);
});

const [small, middle, large] = [
  { layers: 4, width: 192, vocabulary: 4096 },
  { layers: 8, width: 512, vocabulary: 16_384 },
  { layers: 12, width: 768, vocabulary: 50_257 },
];
/** VmHWM over VmRSS before the load, in MB, as docs/benchmarks.md#plan has them. */
const measuredPeaks = [
  { ...small, batch: 64, minibatch: 32, peak: 231 },
  { ...small, batch: 256, minibatch: 128, peak: 514 },
  { ...middle, batch: 32, minibatch: 16, peak: 907 },
  { ...large, batch: 16, minibatch: 16, peak: 3100 },
];

test.each(measuredPeaks)("on a CPU the peak is close to the measured one: %o", (measured) => {
  const { layers, width, vocabulary, batch, minibatch, peak } = measured;
  const config = { ...gpt2, n_layer: layers, n_embd: width, n_head: width / 64 };
  const policy = shapeOf({ ...config, vocab_size: vocabulary, n_positions: 128 }, null)!;
  const sizes = { batch, samplingBatch: batch, minibatch, microbatch: minibatch };
  const run = work({ policy, ...sizes, promptTokens: 12, newTokens: 24 });
  const plan = memoryOf(run);
  const planned = (plan.peak.bytes - plan.phases.load.libraries!) / 1e6;
  expect(Math.abs(planned / peak - 1)).toBeLessThan(0.1);
});

test("what a process has on a CPU beside tensors is in no GPU's memory", () => {
  const host = ["libraries", "data", "kernels"] as const;
  const heldBy = (onGpu: boolean) => memoryOf(work({ onGpu })).phases;
  for (const phase of ["load", "rollout", "reference", "update"] as const) {
    for (const part of host) expect(heldBy(true)[phase][part]).toBeUndefined();
    expect(heldBy(false)[phase].libraries).toBeGreaterThan(0);
  }
  const { policy } = work();
  expect(totalOf(heldBy(true).load)).toBe(8 * policy.parameters);
  // 64 episodes of 16 tokens: a GPU makes all logits of the reference at once, a CPU 128 rows.
  expect(heldBy(true).reference.logits).toBe(2 * 4 * 64 * 16 * policy.vocabulary);
  expect(heldBy(false).reference.logits).toBe(2 * 4 * 128 * policy.vocabulary);
});

test("the KV cache has keys and values of every layer and token but the last", () => {
  const { kv_cache } = memoryOf(work()).phases.rollout;
  expect(kv_cache).toBe(4 * 2 * 12 * 64 * 47 * 768);
  expect(memoryOf(work({ samplingBatch: 16 })).phases.rollout.kv_cache).toBe(kv_cache! / 4);
  expect(memoryOf(work(), { ...undivided, processes: 2 }).phases.rollout.kv_cache).toBe(
    kv_cache! / 2,
  );
});

test("processes that divide the model hold a part of it each, and the whole where it is used whole", () => {
  const two = (changes: Partial<Division>) =>
    memoryOf(work(), { ...undivided, processes: 2, ...changes }).phases;
  const [copied, divided] = [two({}), two({ isSharded: true })];
  for (const part of ["parameters", "reference", "optimizer", "gradients"] as const) {
    expect(divided.update[part]).toBe(copied.update[part]! / 2);
  }
  // What depends on the batch is divided by both, and so once.
  expect(divided.update.activations).toBe(copied.update.activations);
  expect(divided.rollout.gathered).toBe(4 * work().policy.parameters);
  expect(divided.rollout.gradients).toBe(0);
  expect(divided.update.gathered).toBeLessThan(divided.rollout.gathered!);
  expect(divided.load).toEqual(copied.load);
  const { update } = two({ isSharded: true, copiesPolicy: true });
  expect(update.parameters! - divided.update.parameters!).toBe(1.5 * copied.update.parameters!);
  expect(update.optimizer).toBe(divided.update.optimizer);
});

test("the peak is the phase with most; smaller microbatches and checkpointing lower it", () => {
  const plan = memoryOf(work());
  expect(plan.peak.phase).toBe("update");
  expect(plan.peak.bytes).toBe(totalOf(plan.phases.update));
  const peak = (changes: Partial<Workload>) => memoryOf(work(changes)).phases.update;
  expect(totalOf(peak({ microbatch: 4 }))).toBeLessThan(plan.peak.bytes);
  expect(totalOf(peak({ hasCheckpointing: true }))).toBeLessThan(plan.peak.bytes);
});

test("advice: nothing where it fits, else changes until it does, the mildest first", () => {
  const plain = work({ hasEma: true });
  const { bytes } = memoryOf(plain).peak;
  expect(adviceFor(plain, bytes)).toBeNull();
  const some = adviceFor(plain, bytes - 1)!;
  expect(some.enough).toEqual(["training.microbatch=1"]);
  expect(some.changes.every((change) => change.bytes < bytes)).toBe(true);
  const much = adviceFor(plain, 0.5 * bytes)!;
  expect(much.enough!.length).toBeGreaterThan(2);
  expect(adviceFor(plain, 1e6)!.enough).toBeNull();
});

test("what is kept follows the schedule: all at first, α at the end", () => {
  const { keptFirst, keptLast, keptMean } = work();
  expect(keptFirst).toBe(64);
  expect(keptLast).toBe(26);
  expect(keptMean).toBeGreaterThan(26);
  expect(keptMean).toBeLessThan(64);
  expect(work({}, { risk: { measure: "mean" } }).keptLast).toBe(64);
});

const rates: Rates = givenRates(1e12, 1e11, 4);

test("time grows with what is kept, and several processes divide the batch and exchange gradients", () => {
  const all = iterationTime(work(), rates, 64);
  const tail = iterationTime(work(), rates, 26);
  expect(tail.update).toBeLessThan(0.5 * all.update);
  expect(tail.sample).toBe(all.sample);
  const two = iterationTime(work(), rates, 64, { ...alone, processes: 2 });
  expect(two.reference).toBeCloseTo(all.reference / 2, 10);
  const slow = iterationTime(work(), rates, 64, {
    ...alone,
    processes: 2,
    interconnect: 1e9,
  });
  // 2 epochs × 2 steps, each once half of the gradients there and once back.
  const exchange = (4 * 2 * 0.5 * 4 * work().policy.parameters) / 1e9;
  expect(slow.update - two.update).toBeCloseTo(exchange, 6);
  expect(totalSeconds(all)).toBeCloseTo(all.sample + all.reference + all.update, 10);
});

test("rates are found again from the times that they give", () => {
  const known: Rates = {
    points: [
      {
        ...{ width: 192, forward: 4e10, training: 3e10 },
        ...{ decode_weight: 2e-10, decode_row: 8e-11, step: 5e-9 },
      },
      {
        ...{ width: 384, forward: 5e10, training: 4e10 },
        ...{ decode_weight: 3e-10, decode_row: 6e-11, step: 4e-9 },
      },
    ],
    logit: { forward: 3e-9, decode: 4e-9, training: 1e-8 },
  };
  const timingOf = (width: number, vocabulary: number): Timing => {
    const config = { ...gpt2, n_layer: 4, n_embd: width, n_head: 4, vocab_size: vocabulary };
    const shape = shapeOf(config, null)!;
    const timed = (episodes: number) => {
      const sizes = { batch: episodes, minibatch: episodes, microbatch: episodes, epochs: 1 };
      const one = work({
        ...{ policy: shape, ...sizes, samplingBatch: episodes, completions: 1 },
        ...{ promptTokens: 12, newTokens: 24 },
      });
      const { sample, reference, update } = iterationTime(one, known, episodes);
      return { episodes, sample, reference, update };
    };
    // Reading the prompts is reckoned at the rate of the reference's pass, its logits in it.
    return { shape, promptTokens: 12, newTokens: 24, many: timed(32), few: timed(4) };
  };
  const found = ratesOf([timingOf(192, 4096), timingOf(384, 4096), timingOf(384, 32_768)]);
  expect(found.logit.forward).toBeCloseTo(known.logit.forward, 12);
  expect(found.logit.training).toBeCloseTo(known.logit.training, 12);
  for (const [at, point] of found.points.entries()) {
    const expected = known.points[at]!;
    for (const name of ["forward", "training", "step"] as const) {
      expect(point[name] / expected[name]).toBeCloseTo(1, 3);
    }
    expect(point.decode_row / expected.decode_row).toBeGreaterThan(0.9);
    expect(point.decode_row / expected.decode_row).toBeLessThan(1.1);
  }
});

test("between two widths rates are read off the logarithm of the width, beyond them as they are", () => {
  const at = (width: number) => ({ ...rates.points[0]!, width, forward: width * 1e9 });
  const points = [at(100), at(400)];
  expect(speedAt(points, 200).forward).toBeCloseTo(2.5e11, 0);
  expect(speedAt(points, 10).forward).toBe(1e11);
  expect(speedAt(points, 4000).forward).toBe(4e11);
  expect(speedAt(points, 400).forward).toBe(4e11);
});
