/** What reads and changes nothing: texts of a rollout, evaluations. */
import { float32Array, uint32Bytes } from "../../../protocol/arrays.js";
import { plainRollout } from "../../../protocol/plain-payloads.js";
import { holds, same } from "../breach.js";
import type { Clause } from "../clause.js";
import { builtinEvaluate } from "../payloads.js";

export const readingClauses: readonly Clause[] = [
  {
    id: "texts",
    title: "texts are of the episodes in the request, the same before the update and after it",
    needs: [],
    check: async (bench) => {
      const { train, test } = await bench.prompts();
      const asked = Uint32Array.of(train[5]!, train[0]!, train[5]!, train[1]!);
      const { rollout } = await bench.ask("rollout", plainRollout(asked));
      const textsOf = async (...episodes: number[]) =>
        (await bench.ask("texts", { rollout, episodes: uint32Bytes(episodes) })).texts;
      const before = await textsOf(0, 1, 2, 3);
      same(
        "episodes of the texts",
        before.map(({ episode }) => episode),
        [0, 1, 2, 3],
      );
      const shown = before.map(({ prompt }) => prompt);
      same("prompt of episode 2, which is that of 0", shown[2], shown[0]);
      same("distinct prompts", new Set(shown).size, 3);
      await bench.ask("update", bench.learning(rollout, [1, 0, 1, 1]));
      await bench.ask("evaluate", builtinEvaluate(test.slice(0, 8), 3, { figures: [] }));
      same("texts 3 and 1 after the update", await textsOf(3, 1), [before[3], before[1]]);
      same("texts of no episodes", await textsOf(), []);
    },
  },
  {
    id: "texts-only-read",
    title: "texts change nothing",
    needs: ["bitwise"],
    check: async (bench) => {
      const trained = async (reads: boolean) => {
        const asked = (await bench.loaded()).train.slice(0, 16);
        const { rollout } = await bench.ask("rollout", plainRollout(asked, 1));
        const read = async () =>
          reads ? bench.ask("texts", { rollout, episodes: uint32Bytes([1, 0]) }) : undefined;
        await read();
        const payload = bench.learning(rollout, new Float32Array(16).fill(1));
        const { figures } = await bench.ask("update", payload);
        await read();
        const { return: returns } = await bench.ask("rollout", plainRollout(asked, 2));
        return { figures, returns: float32Array(returns) };
      };
      same("figures and returns with texts read", await trained(true), await trained(false));
    },
  },
  {
    id: "texts-refused",
    title: "texts of a rollout that is gone, or of no episode of it, are refused",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const gone = await bench.ask("rollout", plainRollout(train.slice(0, 4)));
      const { rollout } = await bench.ask("rollout", plainRollout(train.slice(0, 4)));
      const one = (of: number, episode: number) => ({
        rollout: of,
        episodes: uint32Bytes([episode]),
      });
      const stale = { kind: "protocol", mentions: String(gone.rollout) } as const;
      await bench.refused("texts", one(gone.rollout, 0), stale);
      await bench.refused("texts", one(rollout, 4), { kind: "input" });
    },
  },
  {
    id: "evaluate-only-reads",
    title: "evaluate repeats itself, and leaves the rollout in hand as it was",
    needs: [],
    check: async (bench) => {
      const { train, test } = await bench.prompts();
      const asked = builtinEvaluate(test.slice(0, 20));
      const first = await bench.ask("evaluate", asked);
      const { rollout } = await bench.ask("rollout", plainRollout(train.slice(0, 8)));
      const again = await bench.ask("evaluate", asked);
      same(
        "rewards of the second evaluation",
        float32Array(again.reward),
        float32Array(first.reward),
      );
      same("samples of the second evaluation", again.samples, first.samples);
      same("samples", first.samples.length, 3);
      holds((first.figures.perplexity ?? 0) > 1, `perplexity is ${first.figures.perplexity}`);
      const payload = bench.learning(rollout, new Float32Array(8).fill(1));
      same("episodes of the update after it", (await bench.ask("update", payload)).episodes, 8);
    },
  },
  {
    id: "evaluate-draws",
    title: "evaluate draws the same random numbers for other weights",
    needs: ["common_random_numbers"],
    check: async (bench) => {
      const { train, test } = await bench.prompts();
      const asked = builtinEvaluate(test.slice(0, 20), 3, { figures: [] });
      const first = float32Array((await bench.ask("evaluate", asked)).reward);
      const { rollout } = await bench.ask("rollout", plainRollout(train.slice(0, 8)));
      // Other weights, and so near that few draws fall on another token.
      const changes = { learning_rate_factor: 1e-5 };
      await bench.ask("update", bench.learning(rollout, new Float32Array(8).fill(1), changes));
      const second = float32Array((await bench.ask("evaluate", asked)).reward);
      const apart = second.filter((value, i) => !(Math.abs(value - first[i]!) < 1e-2)).length;
      holds(apart <= 4, `${apart} of 20 rewards differ after a very small update`);
    },
  },
];
