/** What an update learns from, what it counts, and what it refuses. */
import { float32Array, float32Bytes, uint32Array } from "../../../protocol/arrays.js";
import type { Payload } from "../../../protocol/messages.js";
import { plainRollout, plainUpdate } from "../../../protocol/plain-payloads.js";
import type { Bench } from "../bench.js";
import { holds, near, same, unequal } from "../breach.js";
import type { Clause } from "../clause.js";
import { builtinEvaluate } from "../payloads.js";

/** Refused as `input`, with the rollout of as many prompts as the arrays have entries. */
async function refusesArrays(
  bench: Bench,
  arrays: Readonly<Record<string, readonly number[]>>,
  prompts: number,
): Promise<void> {
  const { train } = await bench.prompts();
  const { rollout } = await bench.ask("rollout", plainRollout(train.slice(0, prompts)));
  const bytes = Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => [name, float32Bytes(values)]),
  );
  const some = { form: "k3", coefficient: 1, unit: "advantage" } as const;
  const kl_loss = "kl_weights" in arrays ? some : null;
  await bench.refused("update", plainUpdate(rollout, null, { ...bytes, kl_loss }), {
    kind: "input",
  });
}

/** Updates of 32 episodes on the same prompts, and the mean reward that they must bring at least. */
const UPDATES = 5;
const GAIN = 0.1;

const refusal = (
  id: string,
  title: string,
  needs: Clause["needs"],
  arrays: Readonly<Record<string, readonly number[]>>,
  prompts = 2,
): Clause => ({
  id,
  title: `update refuses ${title}`,
  needs,
  check: (bench) => refusesArrays(bench, arrays, prompts),
});

export const updateClauses: readonly Clause[] = [
  {
    id: "update-counts",
    title: "update counts the episodes that take part, their tokens and the gradient steps",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const { rollout, length } = await bench.ask("rollout", plainRollout(train.slice(0, 8)));
      const payload = bench.learning(rollout, [1, 1, 0, 1, 0, 0, 1, 0], { steps_per_epoch: 2 });
      const { episodes, gradient_steps, tokens } = await bench.ask("update", payload);
      const lengths = uint32Array(length);
      const { epochs } = bench.loading.training;
      const expected = [0, 1, 3, 6].reduce((sum, one) => sum + lengths[one]!, 0) * epochs;
      same(
        "episodes, gradient steps, tokens",
        [episodes, gradient_steps, tokens],
        [4, 2 * epochs, expected],
      );
    },
  },
  {
    id: "update-learns",
    title: "updates by the reward's advantages raise the reward",
    needs: [],
    check: async (bench) => {
      const training = { ...bench.loading.training, critic: false, learning_rate: 1e-3 };
      const { train, test } = await bench.loaded({ training });
      const mean = (values: Float32Array) =>
        values.reduce((sum, value) => sum + value, 0) / values.length;
      const reward = async () => {
        const asked = builtinEvaluate(test.slice(0, 64), 3, { figures: [] });
        return mean(float32Array((await bench.ask("evaluate", asked)).reward));
      };
      const before = await reward();
      for (let step = 0; step < UPDATES; step += 1) {
        const asked = plainRollout(train.slice(0, 32), step, 0.02);
        const { rollout, return: returns } = await bench.ask("rollout", asked);
        const values = float32Array(returns);
        const middle = mean(values);
        const advantages = float32Bytes(values.map((value) => value - middle));
        await bench.ask("update", plainUpdate(rollout, null, { advantages, seed: step }));
      }
      const after = await reward();
      holds(
        after > before + GAIN,
        `mean reward ${before.toFixed(3)} before ${UPDATES} updates, ${after.toFixed(3)} after; expected ${GAIN} more`,
      );
    },
  },
  {
    id: "update-critic-free",
    title: "without a critic there are no λ-returns, and weights are refused",
    needs: [],
    check: async (bench) => {
      const training = { ...bench.loading.training, critic: false };
      const { train } = await bench.loaded({ training });
      const rolled = await bench.ask("rollout", plainRollout(train.slice(0, 4)));
      same("λ-returns", rolled.lambda_return, null);
      const weighed = plainUpdate(rolled.rollout, [1, 1, 1, 1]);
      await bench.refused("update", weighed, { kind: "input", key: "training.critic" });
      const advantages = float32Bytes([1, -1, 0, 0.5]);
      const payload = plainUpdate(rolled.rollout, null, { advantages });
      const { figures, episodes } = await bench.ask("update", payload);
      same("episodes that took part", episodes, 3);
      holds("loss_policy" in figures, `figures without loss_policy: ${Object.keys(figures)}`);
      holds(!("loss_value" in figures), "there is a loss_value");
    },
  },
  {
    id: "update-rewards",
    title: "other rewards stand in place of the trained ones, with weights alone",
    needs: ["critic"],
    check: async (bench) => {
      const weights = float32Bytes([1, 1, 0, 1, 0, 1, 1, 1]);
      const learned = async (rewardsOf: (trained: Float32Array) => Float32Array | null) => {
        const asked = (await bench.loaded()).train.slice(0, 8);
        const { rollout, trained } = await bench.ask("rollout", plainRollout(asked));
        const own = rewardsOf(float32Array(trained[0]!));
        const rewards = own === null ? null : float32Bytes(own);
        await bench.ask("update", plainUpdate(rollout, null, { weights, rewards }));
        return float32Array((await bench.ask("rollout", plainRollout(asked, 2))).return);
      };
      const plain = await learned(() => null);
      near("returns after the same rewards", await learned((trained) => trained), plain, 5e-3);
      const turned = await learned((trained) => trained.map((value) => -value));
      unequal("returns after rewards of the other sign", turned, plain);
      const { train } = await bench.prompts();
      const { rollout } = await bench.ask("rollout", plainRollout(train.slice(0, 8)));
      for (const changes of [
        { advantages: weights, rewards: weights },
        { weights, rewards: weights.slice(4) },
      ]) {
        await bench.refused("update", plainUpdate(rollout, null, changes), { kind: "input" });
      }
    },
  },
  {
    id: "update-kl",
    title: "an episode takes part by an advantage or a KL weight",
    needs: ["kl_loss"],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const { rollout, length } = await bench.ask("rollout", plainRollout(train.slice(0, 8)));
      const advantages = float32Bytes([1, -1, 0, 0, 0, 0, 0, 0]);
      const kl_weights = float32Bytes([0, 2, 3, 0, 0, 0, 0, 0]);
      const kl_loss = { form: "exact", coefficient: 0.5, unit: "advantage" } as const;
      const changes = { advantages, kl_weights, kl_loss, steps_per_epoch: 2 };
      const updated = await bench.ask("update", plainUpdate(rollout, null, changes));
      const { epochs } = bench.loading.training;
      const taking = [...uint32Array(length).slice(0, 3)].reduce((sum, one) => sum + one, 0);
      const { episodes, gradient_steps, tokens, figures } = updated;
      same(
        "episodes, gradient steps, tokens",
        [episodes, gradient_steps, tokens],
        [3, 2 * epochs, taking * epochs],
      );
      holds("loss_kl" in figures, `figures without loss_kl: ${Object.keys(figures)}`);
    },
  },
  {
    id: "update-kl-unit",
    title: "a KL loss in units of the reward is divided as the critic's advantages are",
    needs: ["kl_loss", "critic"],
    check: async (bench) => {
      const update = async (unit: "advantage" | "reward", weighed: boolean) => {
        const training = { ...bench.loading.training, epochs: 1 };
        const asked = (await bench.loaded({ training })).train.slice(0, 8);
        // The policy has to be apart from its reference, or there is no KL.
        const first = await bench.ask("rollout", plainRollout(asked));
        await bench.ask("update", plainUpdate(first.rollout, new Float32Array(8).fill(1)));
        const { rollout } = await bench.ask("rollout", plainRollout(asked, 2, null));
        const kl_weights = float32Bytes(new Float32Array(8).fill(1));
        const kl_loss = { form: "exact", coefficient: 0.5, unit } as const;
        const advantages = weighed ? null : float32Bytes([1, -1, 0, 0, 2, 0, 0, 0]);
        const weights = weighed ? [1, 1, 0, 1, 0, 0, 1, 0] : null;
        const changes: Partial<Payload<"update">> = { advantages, kl_weights, kl_loss };
        const payload = plainUpdate(rollout, weights, { ...changes, steps_per_epoch: 1 });
        return (await bench.ask("update", payload)).figures;
      };
      const plain = await update("advantage", true);
      const scaled = await update("reward", true);
      const of = (figures: Readonly<Record<string, number>>, name: string) =>
        figures[name] ?? Number.NaN;
      const deviation = of(plain, "advantage_deviation");
      near("advantage_deviation", [of(scaled, "advantage_deviation")], [deviation], 1e-5);
      holds(of(plain, "loss_kl") > 0, `loss_kl is ${plain.loss_kl}`);
      near(
        "loss_kl · deviation",
        [of(scaled, "loss_kl") * deviation],
        [of(plain, "loss_kl")],
        1e-5,
      );
      // Signed advantages are taken as they are.
      const signed = await update("advantage", false);
      const turned = await update("reward", false);
      near("loss_kl with advantages", [of(turned, "loss_kl")], [of(signed, "loss_kl")], 1e-5);
      holds(!("advantage_deviation" in signed), "advantages have an advantage_deviation");
    },
  },
  refusal("update-nothing", "an update of nothing at all", [], {}),
  refusal("update-both", "weights beside advantages", ["critic"], {
    weights: [1, 1],
    advantages: [1, 1],
  }),
  refusal("update-zero", "advantages that are all 0", [], { advantages: [0, 0] }),
  refusal("update-few", "fewer advantages than episodes", [], { advantages: [1, -1] }, 4),
  refusal("update-kl-negative", "negative KL weights", ["kl_loss"], { kl_weights: [1, -1] }),
  refusal("weights-few", "fewer weights than episodes", ["critic"], { weights: [1, 1] }, 4),
  refusal("weights-negative", "negative weights", ["critic"], { weights: [1, -1] }),
  refusal("weights-zero", "weights that are all 0", ["critic"], { weights: [0, 0] }),
  {
    id: "update-stale",
    title: "update refuses a rollout that is gone",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const { rollout } = await bench.ask("rollout", plainRollout(train.slice(0, 4)));
      await bench.ask("rollout", plainRollout(train.slice(0, 4)));
      const payload = bench.learning(rollout, [1, 1, 1, 1]);
      await bench.refused("update", payload, { kind: "protocol", mentions: String(rollout) });
    },
  },
];
