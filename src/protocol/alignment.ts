/** Per-episode arrays answer the prompts asked for, position by position: their lengths must agree. */
import type { Command, Payload, Result } from "./messages.js";

type Arrays = Readonly<Record<string, Uint8Array | null>>;

/**
 * Names the first array of a result whose length is not what the request (or its sibling) says.
 * A short array would otherwise turn into NaN far from its cause.
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
      return differing(prompts, "a prompt asked for", arrays);
    }
    case "evaluate": {
      const { prompts } = payload as Payload<"evaluate">;
      const { reward, judge, kl, length } = result as Result<"evaluate">;
      return differing(prompts, "a prompt asked for", { reward, judge, kl, length });
    }
    default:
      return null;
  }
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
