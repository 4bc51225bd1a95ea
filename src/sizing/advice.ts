/** What to change where a workload does not fit: each change by itself, then as many as it takes. */
import { memoryOf, undivided } from "./memory.js";
import type { Workload } from "./workload.js";

export interface Change {
  /** As `--set` takes it. */
  readonly set: string;
  /** What else it changes, in a few words. */
  readonly words: string;
  /** Peak with this change alone. */
  readonly bytes: number;
}

export interface Advice {
  /** Those that lower the peak, the cheapest first. */
  readonly changes: readonly Change[];
  /** The first of them that fit together; null: not even all of them do. */
  readonly enough: readonly string[] | null;
}

interface Possible {
  readonly set: string;
  readonly words: string;
  /** Null: it is so already. */
  readonly apply: (work: Workload) => Workload | null;
}

/** In the order of what they cost: first what changes no result but rounding. */
const possible: readonly Possible[] = [
  {
    set: "training.microbatch=1",
    words: "the same steps, slower where passes are short",
    apply: (work) => (work.microbatch === 1 ? null : { ...work, microbatch: 1 }),
  },
  {
    set: "rollout.minibatch=16",
    words: "samples fewer episodes at once",
    apply: (work) => (work.samplingBatch <= 16 ? null : { ...work, samplingBatch: 16 }),
  },
  {
    set: "policy.gradient_checkpointing=true",
    words: "about a third more time in the update",
    apply: (work) => (work.hasCheckpointing ? null : { ...work, hasCheckpointing: true }),
  },
  {
    set: "backend.frozen_dtype=bfloat16",
    words: "rounds reference and rewards",
    apply: (work) => (work.frozenBytes === 2 ? null : { ...work, frozenBytes: 2 }),
  },
  {
    set: "training.ema_decay=0",
    words: "no averaged weights",
    apply: (work) => (work.hasEma ? { ...work, hasEma: false } : null),
  },
  {
    set: "policy.lora_rank=16",
    words: "trains an adapter: another method",
    apply: (work) => (work.loraRank > 0 ? null : { ...work, loraRank: 16, ownReference: false }),
  },
];

/**
 * @param limit bytes of the device
 * @returns null: it fits as it is
 */
export function adviceFor(work: Workload, limit: number, division = undivided): Advice | null {
  const peak = (changed: Workload) => memoryOf(changed, division).peak.bytes;
  const before = peak(work);
  if (before <= limit) return null;
  const changes = possible.flatMap(({ set, words, apply }): Change[] => {
    const changed = apply(work);
    const bytes = changed === null ? before : peak(changed);
    return bytes < before ? [{ set, words, bytes }] : [];
  });
  const enough: string[] = [];
  let current = work;
  for (const { set, apply } of possible) {
    const changed = apply(current);
    if (changed === null || peak(changed) >= peak(current)) continue;
    current = changed;
    enough.push(set);
    if (peak(current) <= limit) return { changes, enough };
  }
  return { changes, enough: null };
}
