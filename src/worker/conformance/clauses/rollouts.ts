/** Episodes: their order, what adds up to what, and what they are a function of. */
import { float32Array, uint32Array, uint32Bytes } from "../../../protocol/arrays.js";
import { plainRollout } from "../../../protocol/plain-payloads.js";
import { holds, near, same, unequal } from "../breach.js";
import type { Clause } from "../clause.js";
import { builtinSft } from "../payloads.js";
import { twoRewards } from "./loading.js";

/** Of sums of float32. */
const ROUNDING = 1e-3;

export const rolloutClauses: readonly Clause[] = [
  {
    id: "rollout-order",
    title: "rollout answers one value per prompt, in the order of the request",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const asked = Uint32Array.of(train[5]!, train[0]!, train[5]!);
      const rollout = await bench.ask("rollout", plainRollout(asked));
      for (const field of ["reward", "kl", "return"] as const) {
        same(`values of ${field}`, float32Array(rollout[field]).length, 3);
      }
      const own = rollout.lambda_return;
      const values = own === null ? null : float32Array(own).length;
      same("λ-returns", values, bench.capabilities.critic ? 3 : null);
      const lengths = [...uint32Array(rollout.length)];
      const { new_tokens, min_new_tokens } = bench.loading.rollout;
      const bad = lengths.filter((one) => one < min_new_tokens || one > new_tokens);
      same(`lengths outside ${min_new_tokens} to ${new_tokens} tokens`, bad, []);
      same(
        "tokens",
        rollout.tokens,
        lengths.reduce((sum, length) => sum + length, 0),
      );
      const components = [{ name: "reward", scores: rollout.reward, failures: [] }];
      same("components of the only reward", rollout.components, components);
    },
  },
  {
    id: "rollout-components",
    title: "components add up to the reward",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.loaded(twoRewards(bench));
      const { reward, components } = await bench.ask("rollout", plainRollout(train.slice(0, 8)));
      same(
        "components",
        components.map(({ name }) => name),
        ["reward", "other"],
      );
      const [one, other] = components.map(({ scores }) => float32Array(scores));
      const sum = one!.map((value, i) => 2 * value + 0.5 * other![i]!);
      near("rewards", float32Array(reward), sum, ROUNDING);
    },
  },
  {
    id: "rollout-trained",
    title: "what the components add to the trained reward is the return without a KL",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.loaded(twoRewards(bench));
      const asked = plainRollout(train.slice(0, 8), 1, null);
      const { trained, return: returns } = await bench.ask("rollout", asked);
      same("arrays of `trained`", trained.length, 2);
      const [one, other] = trained.map((bytes) => float32Array(bytes));
      const sum = one!.map((value, i) => value + other![i]!);
      near("returns", float32Array(returns), sum, ROUNDING);
    },
  },
  {
    id: "rollout-kl",
    title: "return is reward with β·KL taken off",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const asked = plainRollout(train.slice(0, 16), 4, 0.5);
      const { reward, kl, return: returns } = await bench.ask("rollout", asked);
      const divergences = float32Array(kl);
      const expected = float32Array(reward).map((value, i) => value - 0.5 * divergences[i]!);
      near("returns", float32Array(returns), expected, ROUNDING);
    },
  },
  {
    id: "rollout-no-kl",
    title: "β null leaves the KL out of the return",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const rolled = await bench.ask("rollout", plainRollout(train.slice(0, 8), 1, null));
      near("returns", float32Array(rolled.return), float32Array(rolled.reward), ROUNDING);
    },
  },
  {
    id: "sft-reference",
    title: "SFT makes the reference, too: the KL after it is 0",
    needs: ["sft"],
    check: async (bench) => {
      await bench.loaded();
      await bench.ask("sft", builtinSft());
      const { train } = await bench.prompts();
      const { kl } = await bench.ask("rollout", plainRollout(train.slice(0, 4)));
      near("KL", float32Array(kl), [0, 0, 0, 0], ROUNDING);
    },
  },
  {
    id: "rollout-repeats",
    title: "rollout is a function of weights, prompts, seed and β",
    needs: ["bitwise"],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const asked = train.slice(0, 32);
      const first = await bench.ask("rollout", plainRollout(asked, 1));
      const again = await bench.ask("rollout", plainRollout(asked, 1));
      const other = await bench.ask("rollout", plainRollout(asked, 2));
      const returns = float32Array(first.return);
      same("returns of the same seed", float32Array(again.return), returns);
      unequal("returns of another seed", float32Array(other.return), returns);
      unequal("id of another rollout", again.rollout, first.rollout);
    },
  },
  {
    id: "completions",
    title: "several completions are grouped by prompt",
    needs: ["completions"],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const rolled = await bench.ask("rollout", plainRollout(train.slice(0, 3), 1, 0.2, 4));
      same("returns of 3 prompts × 4", float32Array(rolled.return).length, 12);
      const episodes = uint32Bytes([0, 3, 4, 7, 8, 11]);
      const { texts } = await bench.ask("texts", { rollout: rolled.rollout, episodes });
      const shown = texts.map(({ prompt }) => prompt);
      const [first, , second, , third] = shown;
      same("prompts of episodes 0, 3, 4, 7, 8, 11", shown, [
        first,
        first,
        second,
        second,
        third,
        third,
      ]);
      same("distinct prompts", new Set(shown).size, 3);
    },
  },
  {
    id: "rollout-unknown",
    title: "rollout refuses an unknown prompt and no prompts, and the worker lives on",
    needs: [],
    check: async (bench) => {
      await bench.prompts();
      await bench.refused("rollout", plainRollout([4_000_000]), { kind: "input" });
      await bench.refused("rollout", plainRollout([]), { kind: "input" });
      const { busy } = await bench.ask("ping", {});
      holds(busy === null, `after the refusal it is busy with ${busy}`);
    },
  },
];
