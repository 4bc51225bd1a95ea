/**
 * Per-episode arrays answer the prompts asked for, position by position: their lengths must agree,
 * completions have tokens, failures must name episodes that there are, an update must be of the
 * episodes that have a weight, and texts of the episodes asked for.
 */
import { float32Array, uint32Array } from "./arrays.js";
import type { Command, Payload, Result, RewardFailure } from "./messages.js";

type Arrays = Readonly<Record<string, Uint8Array | null>>;

/**
 * Names the first field of a result that is not what the request (or its sibling) says, such as an
 * array of another length, or the first failure that names no episode or one twice. A short array would otherwise turn into NaN
 * far from its cause.
 *
 * @returns null when all agree.
 */
export function misaligned<C extends Command>(
  command: C,
  payload: Payload<C>,
  result: Result<C>,
): string | null {
  switch (command) {
    case "load": {
      const { train, test } = result as Result<"load">;
      return (
        differing(train.ids, "a train prompt", {
          "train.ids": train.ids,
          "train.scores": train.scores,
        }) ??
        differing(test.ids, "a test prompt", { "test.ids": test.ids, "test.scores": test.scores })
      );
    }
    case "rollout": {
      const { prompts } = payload as Payload<"rollout">;
      const { reward, kl, return: returns, lambda_return, length } = result as Result<"rollout">;
      const arrays = { reward, kl, return: returns, lambda_return, length };
      return (
        differing(prompts, "a prompt asked for", arrays) ??
        empty("length", length) ??
        misplaced("failures", (result as Result<"rollout">).failures, prompts)
      );
    }
    case "update": {
      const weights = float32Array((payload as Payload<"update">).weights);
      const asked = weights.filter((weight) => weight > 0).length;
      const { episodes } = result as Result<"update">;
      return episodes === asked
        ? null
        : `field \`episodes\` is ${episodes}, expected ${asked}: so many have a weight over 0`;
    }
    case "evaluate": {
      const { prompts } = payload as Payload<"evaluate">;
      const { reward, judge, kl, length, failures, judge_failures } = result as Result<"evaluate">;
      return (
        differing(prompts, "a prompt asked for", { reward, judge, kl, length }) ??
        empty("length", length) ??
        misplaced("failures", failures, prompts) ??
        misplaced("judge_failures", judge_failures, prompts)
      );
    }
    case "texts": {
      const { episodes } = payload as Payload<"texts">;
      const asked = listed(uint32Array(episodes));
      const told = listed((result as Result<"texts">).texts.map(({ episode }) => episode));
      return told === asked
        ? null
        : `field \`texts\` is of the episodes ${told}, asked for were ${asked}`;
    }
    default:
      return null;
  }
}

function listed(episodes: ArrayLike<number>): string {
  return episodes.length === 0 ? "(none)" : Array.from(episodes).join(", ");
}

function differing(ids: Uint8Array, each: string, arrays: Arrays): string | null {
  const expected = Math.floor(ids.byteLength / 4) * 4;
  for (const [name, bytes] of Object.entries(arrays)) {
    if (bytes !== null && bytes.byteLength !== expected) {
      return `field \`${name}\` has ${bytes.byteLength} bytes, expected ${expected} (four ${each})`;
    }
  }
  return null;
}

/** Every completion has a token, if only the one that ends it. */
function empty(name: string, lengths: Uint8Array): string | null {
  const episode = uint32Array(lengths).indexOf(0);
  return episode < 0
    ? null
    : `field \`${name}\` is 0 for episode ${episode}, expected at least 1 generated token`;
}

function misplaced(
  name: string,
  failures: readonly RewardFailure[],
  prompts: Uint8Array,
): string | null {
  const count = Math.floor(prompts.byteLength / 4);
  const seen = new Set<number>();
  for (const [place, { episodes }] of failures.entries()) {
    const field = `field \`${name}.${place}.episodes\``;
    if (episodes.byteLength % 4 !== 0) {
      return `${field} has ${episodes.byteLength} bytes, expected a multiple of 4`;
    }
    for (const episode of uint32Array(episodes)) {
      if (episode >= count || seen.has(episode)) {
        const wrong = episode >= count ? `of ${count}` : "twice";
        return `${field} names episode ${episode} ${wrong}`;
      }
      seen.add(episode);
    }
  }
  return null;
}
