/** Prompts in an order that comes round: every one once, in a fresh order, before any comes again. */
import { generator, shuffled, streamSeed } from "../../stats/random.js";

/** `count` prompts from position `from`, a whole number ≥ 0, of the endless list. */
export type PromptWalk = (from: number, count: number) => Uint32Array;

/**
 * One permutation of `ids` after another, that of epoch e from the stream `purpose` at e: a pure
 * function of the position. The epoch in hand is remembered, so that only its first batch shuffles.
 *
 * @param seed the trial's root seed
 */
export function promptWalk(ids: Uint32Array, seed: number, purpose: string): PromptWalk {
  let epoch = -1;
  let order: Uint32Array = new Uint32Array(0);
  return (from, count) => {
    if (count > 0 && ids.length === 0) {
      throw new RangeError(`no prompt to draw from for ${purpose}, but ${count} are requested`);
    }
    const drawn = new Uint32Array(count);
    for (let taken = 0; taken < count; taken += 1) {
      const position = from + taken;
      if (Math.floor(position / ids.length) !== epoch) {
        epoch = Math.floor(position / ids.length);
        order = shuffled(ids.length, generator(streamSeed(seed, purpose, epoch)));
      }
      drawn[taken] = ids[order[position % ids.length]!]!;
    }
    return drawn;
  };
}
