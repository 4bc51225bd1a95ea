import { requireFraction, requireInteger } from "../../stats/checks.js";
import { generator, type Random, shuffled, streamSeed } from "../../stats/random.js";
import type { MemoryPart } from "../memory.js";
import { weightedTail } from "../weighted-tail.js";
import { type BatchOutcome, mixedParts, type PromptSampler } from "./prompt-sampler.js";

/**
 * A fixed fraction of every batch from the recent tail prompts, those whose episodes lay in the tail of
 * the last W iterations; the rest uniformly from all prompts. After prioritised replay (Schaul et al.,
 * ICLR 2016), of prompts where that replays transitions: the policy answers them anew. It needs no
 * prompt scores, and finds prompts that are bad for the policy as it is.
 *
 * Given the buffer, prompt x comes n_u/N + n_t/|T|·1[x in T] times in expectation (n_u uniform and n_t
 * replayed draws, N prompts, buffer T): this gives its natural weight. To make that exact, the uniform
 * part is drawn afresh at every step. A walk through all prompts would skip those that it has just had,
 * and the buffer is made of these.
 */
export const replaySampler: PromptSampler = {
  reads: ["batch_fraction", "window", "buffer"],
  needsScores: false,
  drawsHardMore: true,
  importance: "off",
  description: "a fixed fraction of each batch from the prompts that lay in the recent tail",
  prepare: ({ ids }, { batch_fraction, window, buffer }, seed) => {
    requireFraction(batch_fraction, "batch_fraction");
    requireInteger(window, "window", 1);
    requireInteger(buffer, "buffer", 1);
    return {
      draw: ({ batch, step, memory }) => {
        requireInteger(batch, "batch", 1);
        requireInteger(step, "step", 0);
        const { prompts: recent } = remembered(memory);
        const hard = recent.length === 0 ? 0 : Math.round(batch * batch_fraction);
        const random = (purpose: string) => generator(streamSeed(seed, purpose, step));
        const replayed = repeatedly(recent.length, hard, random("prompts/replayed"));
        const fresh = withoutRepetition(ids.length, batch - hard, random("prompts/fresh"));
        const parts = [replayed.map((at) => recent[at]!), fresh.map((at) => ids[at]!)];
        const { prompts, part } = mixedParts(parts, seed, step);
        const inBuffer = new Set(recent);
        const natural = recent.length / ids.length;
        const uniform = (batch - hard) / batch;
        const ofRecent = natural === 0 ? 1 : uniform + hard / batch / natural;
        return {
          prompts,
          hard,
          isHard: Uint8Array.from(part, (one) => (one === 0 ? 1 : 0)),
          naturalWeights: Float64Array.from(
            prompts,
            (id) => 1 / (inBuffer.has(id) ? ofRecent : uniform),
          ),
          strata: [
            { sampled: hard / batch + uniform * natural, natural },
            { sampled: uniform * (1 - natural), natural: 1 - natural },
          ],
          part,
        };
      },
      learn: (outcome) => {
        const before = remembered(outcome.memory);
        const now = tailPrompts(outcome);
        const kept = [...before.prompts.keys()].filter(
          (at) => before.steps[at]! > outcome.step - window && !now.has(before.prompts[at]!),
        );
        const prompts = [...kept.map((at) => before.prompts[at]!), ...now];
        const steps = [...kept.map((at) => before.steps[at]!), ...[...now].map(() => outcome.step)];
        return { prompts: prompts.slice(-buffer), steps: steps.slice(-buffer) };
      },
    };
  },
};

/** The buffer, oldest first, and the iteration of each prompt's last episode in the tail. */
function remembered(memory: MemoryPart): {
  readonly prompts: readonly number[];
  readonly steps: readonly number[];
} {
  const list = (found: number | readonly number[] | undefined): readonly number[] =>
    typeof found === "object" ? found : [];
  return { prompts: list(memory?.prompts), steps: list(memory?.steps) };
}

/** Prompts of the episodes that lie in the natural mix's tail, in the batch's order. */
function tailPrompts({ drawn, ranking, completions, alpha }: BatchOutcome): Set<number> {
  const scored = Uint32Array.from(ranking.keys()).filter((at) => !Number.isNaN(ranking[at]));
  const placeOf = (episode: number) => Math.floor(episode / completions);
  const { parts } = weightedTail(
    Float64Array.from(scored, (episode) => ranking[episode]!),
    Float64Array.from(scored, (episode) => drawn.naturalWeights[placeOf(episode)]!),
    alpha,
  );
  const worst = scored.filter((_, at) => parts[at]! > 0);
  return new Set(Array.from(worst, (episode) => drawn.prompts[placeOf(episode)]!));
}

/** `count` of n places, each equally often but for one: orders of all of them, one after another. */
function repeatedly(n: number, count: number, random: Random): Uint32Array {
  const places = new Uint32Array(count);
  for (let from = 0; from < count; from += n) {
    places.set(shuffled(n, random).subarray(0, count - from), from);
  }
  return places;
}

/**
 * `count` of n places, each with probability count/n: the first of a random order, which is only made
 * as far as it is needed. More than n come round again.
 */
function withoutRepetition(n: number, count: number, random: Random): Uint32Array {
  if (count > 0 && n === 0) {
    throw new RangeError(`no prompt to draw from, but ${count} are requested`);
  }
  if (count > n) {
    return repeatedly(n, count, random);
  }
  const moved = new Map<number, number>();
  return Uint32Array.from({ length: count }, (_, at) => {
    const other = at + Math.floor(random() * (n - at));
    const chosen = moved.get(other) ?? other;
    moved.set(other, moved.get(at) ?? at);
    return chosen;
  });
}
