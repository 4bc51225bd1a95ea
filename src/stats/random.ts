/**
 * Every random number of the controller, and every seed it sends to a worker. One named stream
 * for every purpose and step, so that a run can resume at any step and so that arms with the
 * same root seed share their prompts and their sampling noise (common random numbers).
 */
import { requireInteger } from "./checks.js";

/** A source of numbers in [0, 1), multiples of 2⁻³². */
export type Random = () => number;

const highestWord = 0xffff_ffff;

/**
 * Seed of the stream `purpose` at `step`, a whole number in [0, 2³²).
 *
 * The rule, fixed for ever (a change would change every run): MurmurHash3_x86_32 with `root` as
 * its seed over these little-endian 32-bit words: one for each UTF-16 code unit of `purpose`,
 * then the low and the high word of `step`. With root and purpose fixed, two steps under 2³²
 * never collide; with purpose and step fixed, two roots never do.
 *
 * @param root the trial's seed, a whole number in [0, 2³²)
 * @param step a whole number ≥ 0
 * @throws {RangeError} when root or step is out of range
 */
export function streamSeed(root: number, purpose: string, step: number): number {
  requireInteger(root, "root seed", 0, highestWord);
  requireInteger(step, "step", 0);
  let hash = root | 0;
  for (let index = 0; index < purpose.length; index += 1) {
    hash = absorb(hash, purpose.charCodeAt(index));
  }
  hash = absorb(hash, step % 2 ** 32);
  hash = absorb(hash, Math.floor(step / 2 ** 32));
  return avalanche(hash ^ (4 * (purpose.length + 2)));
}

/** One block of MurmurHash3_x86_32. */
function absorb(hash: number, word: number): number {
  const scrambled = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotate(hash ^ scrambled, 13), 5) + 0xe6546b64) | 0;
}

/** MurmurHash3's last step: every input bit moves every output bit. */
function avalanche(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * Chris Doty-Humphrey's sfc32 (PractRand), seeded as there: state (0, seed, 0, 1), the first
 * twelve numbers thrown away. 32-bit integer arithmetic throughout: the same on every machine.
 *
 * @param seed a whole number in [0, 2³²)
 * @throws {RangeError} when the seed is out of range
 */
export function generator(seed: number): Random {
  requireInteger(seed, "seed", 0, highestWord);
  let a = 0;
  let b = seed | 0;
  let c = 0;
  let counter = 1;
  const next = (): number => {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (rotate(c, 21) + word) | 0;
    return (word >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round += 1) {
    next();
  }
  return next;
}

/**
 * 0 … n−1 in random order (Fisher–Yates). Orders are equally likely up to n·2⁻³².
 *
 * @throws {RangeError} when n is not a whole number in [0, 2³²)
 */
export function shuffled(n: number, random: Random): Uint32Array {
  requireInteger(n, "n", 0, highestWord);
  const order = new Uint32Array(n);
  for (let index = 1; index < n; index += 1) {
    order[index] = index;
  }
  for (let last = n - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const moved = order[last]!;
    order[last] = order[other]!;
    order[other] = moved;
  }
  return order;
}
