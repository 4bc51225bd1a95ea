/** Loading models, rewards and data, and the scores of prompts. */
import { float32Array, uint32Array } from "../../../protocol/arrays.js";
import { plainRollout } from "../../../protocol/plain-payloads.js";
import type { Bench } from "../bench.js";
import { holds, near, same, unequal } from "../breach.js";
import type { Clause } from "../clause.js";

const digest = /^[0-9a-f]{64}$/;

/** Two components of the same scorer, so that their sum is known. */
export function twoRewards(bench: Bench) {
  const first = bench.loading.rewards[0]!;
  return {
    rewards: [
      { ...first, weight: 2 },
      { ...first, name: "other", weight: 0.5 },
    ],
  };
}

export const loadingClauses: readonly Clause[] = [
  {
    id: "prompts",
    title: "load answers prompts, ids unique in both splits, and a digest of their scores",
    needs: [],
    check: async (bench) => {
      const { train, test } = await bench.ask("load", bench.loading);
      const ids = [...uint32Array(train.ids), ...uint32Array(test.ids)];
      same("distinct prompt ids", new Set(ids).size, ids.length);
      for (const { ids: own, scores_digest } of [train, test]) {
        holds(own.length > 0, "a split has no prompts");
        holds(digest.test(scores_digest ?? ""), `scores_digest is ${scores_digest}`);
      }
    },
  },
  {
    id: "options",
    title: "options that the engine does not have are refused by their key",
    needs: [],
    check: (bench) =>
      bench.refused(
        "load",
        { ...bench.loading, engine_options: { surprise: 1 } },
        { kind: "input", key: "backend.engine_options.surprise" },
      ),
  },
  {
    id: "processes",
    title: "load says how many processes compute together: several where it is distributed",
    needs: [],
    check: async (bench) => {
      const { processes } = await bench.ask("load", bench.loading);
      const { distributed } = bench.capabilities;
      same(`more than one process (load: ${processes}; distributed)`, processes > 1, distributed);
    },
  },
  {
    id: "nondeterminism",
    title: "load names what may keep two runs from the same bits; on a CPU nothing does",
    needs: ["bitwise"],
    check: async (bench) => {
      const { device, nondeterminism } = await bench.ask("load", bench.loading);
      if (device === "cpu") same("nondeterminism", nondeterminism, []);
      holds(!nondeterminism.includes(""), "nondeterminism has an entry without words");
    },
  },
  {
    id: "sft-digest",
    title: "what SFT follows from has a digest, which the seed is part of",
    needs: ["sft"],
    check: async (bench) => {
      const { loading } = bench;
      const first = (await bench.ask("load", loading)).sft_digest;
      holds(digest.test(first), `sft_digest is ${first}`);
      same("sft_digest of the same load", (await bench.ask("load", loading)).sft_digest, first);
      const other = await bench.ask("load", { ...loading, seed: loading.seed + 1 });
      unequal("sft_digest of another seed", other.sft_digest, first);
    },
  },
  {
    id: "adapter",
    title: "a new adapter leaves the policy as it was",
    needs: ["lora"],
    check: async (bench) => {
      const adapter = { kind: "lora", rank: 2, alpha: 4, dropout: 0, targets: null } as const;
      const policy = { ...bench.loading.policy, adapter };
      const { train } = await bench.loaded({ policy });
      const { kl } = await bench.ask("rollout", plainRollout(train.slice(0, 4)));
      near("KL to the reference before any update", float32Array(kl), [0, 0, 0, 0], 1e-3);
    },
  },
  {
    id: "prompt-scores",
    title: "score_prompts answers a score per prompt and component, and takes known ones",
    needs: [],
    check: async (bench) => {
      const loading = { ...bench.loading, ...twoRewards(bench) };
      const { train } = await bench.ask("load", loading);
      const asked = { split: "train", prompts: train.ids } as const;
      const scored = await bench.ask("score_prompts", { ...asked, known: null });
      const names = scored.components.map(({ name }) => name);
      same("components that were scored", names, ["reward", "other"]);
      const [one, other] = scored.components.map(({ scores }) => float32Array(scores));
      const sum = one!.map((value, i) => 2 * value + 0.5 * other![i]!);
      near("combined scores", float32Array(scored.combined), sum, 1e-3);
      const again = await bench.ask("load", loading);
      same("scores_digest of the same load", again.train.scores_digest, train.scores_digest);
      const known = scored.components;
      const taken = await bench.ask("score_prompts", { ...asked, known });
      same("scores that were known", { ...taken, seconds: 0 }, { ...scored, seconds: 0 });
      const torn = known.map(({ name, scores }) => ({ name, scores: scores.slice(4) }));
      await bench.refused("score_prompts", { ...asked, known: torn }, { kind: "input" });
    },
  },
  {
    id: "scores-digest",
    title: "other rewards have another digest of their scores",
    needs: [],
    check: async (bench) => {
      const plain = await bench.ask("load", bench.loading);
      const [first] = bench.loading.rewards;
      const scorer = { ...first!.scorer, sign: -1 as const };
      const rewards = [{ ...first!, scorer }];
      const turned = await bench.ask("load", { ...bench.loading, rewards });
      unequal("scores_digest", turned.train.scores_digest, plain.train.scores_digest);
    },
  },
  {
    id: "scores-first",
    title: "a rollout that needs prompt scores asks for them",
    needs: [],
    check: async (bench) => {
      const rewards = [{ ...bench.loading.rewards[0]!, baseline: "prompt" as const }];
      const { train } = await bench.ask("load", { ...bench.loading, rewards });
      const asked = plainRollout(uint32Array(train.ids).slice(0, 4));
      await bench.refused("rollout", asked, { kind: "protocol", mentions: "score_prompts" });
      await bench.ask("score_prompts", { split: "train", prompts: train.ids, known: null });
      await bench.ask("rollout", asked);
    },
  },
];
