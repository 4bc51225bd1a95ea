/** What a worker writes: stages, checkpoints, models. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { float32Array } from "../../../protocol/arrays.js";
import { plainRollout } from "../../../protocol/plain-payloads.js";
import type { Bench } from "../bench.js";
import { holds, near, same, unequal } from "../breach.js";
import type { Clause } from "../clause.js";
import { builtinEvaluate, builtinSft, builtinStage } from "../payloads.js";

const digest = /^[0-9a-f]{64}$/;

/** One rollout and update; the returns of the rollout. */
async function iteration(bench: Bench, prompts: Uint32Array, seed: number): Promise<Float32Array> {
  const rolled = await bench.ask("rollout", plainRollout(prompts, seed));
  const all = new Float32Array(prompts.length).fill(1);
  await bench.ask("update", bench.learning(rolled.rollout, all, { seed }));
  return float32Array(rolled.return);
}

async function evaluated(bench: Bench, test: Uint32Array): Promise<object> {
  const asked = builtinEvaluate(test.slice(0, 20), 3, { figures: [] });
  const { reward, judges, kl, length } = await bench.ask("evaluate", asked);
  return { reward, judges, kl, length };
}

export const folderClauses: readonly Clause[] = [
  {
    id: "stage",
    title: "a stage is described without its name, and trained into a folder that load takes",
    needs: ["stages"],
    check: async (bench) => {
      const { backend } = bench.loading;
      const payload = { ...builtinStage(), backend };
      const described = async (stage: typeof payload.stage) =>
        (await bench.ask("describe_stage", { stage, backend })).digest;
      const own = await described(payload.stage);
      holds(digest.test(own), `digest is ${own}`);
      same("digest under another name", await described({ ...payload.stage, name: "other" }), own);
      const options = { ...payload.stage.options, steps: 11 };
      unequal("digest of more steps", await described({ ...payload.stage, options }), own);

      const [one, again] = [bench.fresh(), bench.fresh()];
      const trained = await bench.ask("train_stage", { seed: 5, path: one, ...payload });
      same("files that were written", readdirSync(one).sort(), Object.keys(trained.files).sort());
      holds(trained.curve.length > 0, "it has no curve");
      if (bench.capabilities.bitwise) {
        const repeated = await bench.ask("train_stage", { seed: 5, path: again, ...payload });
        same("the same stage trained again", repeated, { ...trained, seconds: repeated.seconds });
      }
      await bench.refused("rollout", plainRollout([0]), { kind: "protocol", mentions: "load" });
      const policy = { ...bench.loading.policy, model: one };
      const loaded = await bench.ask("load", { ...bench.loading, policy });
      same("digests of the loaded policy", loaded.digests.policy, trained.files);
    },
  },
  {
    id: "stage-base",
    title: "a stage goes on from the model of another",
    needs: ["stages"],
    check: async (bench) => {
      const { backend } = bench.loading;
      const path = bench.fresh();
      await bench.ask("train_stage", { seed: 5, path, ...builtinStage(), backend });
      const base = {
        kind: "model",
        model: path,
        revision: null,
        trust_remote_code: false,
      } as const;
      const next = { ...builtinStage("language_model", { base }), backend };
      await bench.ask("describe_stage", next);
      const trained = await bench.ask("train_stage", { seed: 5, path: bench.fresh(), ...next });
      holds(Object.keys(trained.digests.base).length > 0, "the base has no digests");
    },
  },
  {
    id: "save",
    title: "save writes files with their digests",
    needs: ["checkpoint"],
    check: async (bench) => {
      await bench.prompts();
      const path = bench.fresh();
      const { files } = await bench.ask("save", { path });
      same("files with a digest", Object.keys(files).sort(), readdirSync(path).sort());
      const wrong = Object.values(files).filter((one) => !digest.test(one));
      same("digests that are no SHA-256", wrong, []);
    },
  },
  {
    id: "restore",
    title: "restore brings the saved weights back",
    needs: ["checkpoint"],
    check: async (bench) => {
      const { train, test } = await bench.loaded();
      const reward = async () => {
        const asked = builtinEvaluate(test.slice(0, 20), 3, { figures: [] });
        return float32Array((await bench.ask("evaluate", asked)).reward);
      };
      await iteration(bench, train.slice(0, 32), 1);
      const path = bench.fresh();
      await bench.ask("save", { path });
      const saved = await reward();
      for (const seed of [2, 3, 4]) await iteration(bench, train.slice(0, 32), seed);
      await bench.ask("restore", { path });
      const mean = (values: Float32Array) =>
        values.reduce((sum, value) => sum + value, 0) / values.length;
      near("mean reward after restore", [mean(await reward())], [mean(saved)], 0.05);
    },
  },
  {
    id: "restore-bitwise",
    title: "restore takes up a saved state to the last bit",
    needs: ["checkpoint", "bitwise"],
    check: async (bench) => {
      const asked = (await bench.loaded()).train.slice(0, 32);
      await iteration(bench, asked, 1);
      const path = bench.fresh();
      await bench.ask("save", { path });
      const straight = [await iteration(bench, asked, 2), await iteration(bench, asked, 3)];
      await bench.loaded();
      await bench.ask("restore", { path });
      const resumed = [await iteration(bench, asked, 2), await iteration(bench, asked, 3)];
      same("returns of the two iterations after it", resumed, straight);
    },
  },
  {
    id: "restore-sft",
    title: "what SFT made is in a checkpoint, reference and all",
    needs: ["checkpoint", "sft", "bitwise"],
    check: async (bench) => {
      const { test } = await bench.loaded();
      await bench.ask("sft", builtinSft());
      const path = bench.fresh();
      await bench.ask("save", { path });
      const state = async () => [
        await evaluated(bench, test),
        (await bench.ask("export", { path: bench.fresh(), weights: "current" })).files,
      ];
      const straight = await state();
      await bench.loaded();
      unequal("evaluation and model before SFT", await state(), straight);
      await bench.ask("restore", { path });
      same("evaluation and model after restore", await state(), straight);
    },
  },
  {
    id: "save-occupied",
    title: "save refuses a folder that holds something",
    needs: ["checkpoint"],
    check: async (bench) => {
      await bench.prompts();
      const path = bench.fresh();
      writeFileSync(join(path, "mine.txt"), "mine");
      await bench.refused("save", { path }, { kind: "input" });
      same("files in the folder", readdirSync(path), ["mine.txt"]);
    },
  },
  {
    id: "restore-nothing",
    title: "restore refuses what is no checkpoint",
    needs: ["checkpoint"],
    check: async (bench) => {
      await bench.prompts();
      await bench.refused("restore", { path: bench.fresh() }, { kind: "input" });
    },
  },
  {
    id: "export",
    title: "export writes a model, once",
    needs: [],
    check: async (bench) => {
      await bench.prompts();
      const path = bench.fresh();
      const weights = bench.capabilities.ema ? "ema" : "current";
      const { bytes } = await bench.ask("export", { path, weights });
      const files = readdirSync(path);
      holds(files.includes("config.json"), `there is no config.json among ${files}`);
      holds(bytes > 0, "it has no bytes");
      await bench.refused("export", { path, weights }, { kind: "input", mentions: path });
    },
  },
];
