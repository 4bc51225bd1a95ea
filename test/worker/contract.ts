/** What every `Worker` keeps to, whatever it is made of. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { float32Array, float32Bytes, uint32Array, uint32Bytes } from "../../src/protocol/arrays.js";
import {
  type Command,
  commands,
  type Payload,
  PROTOCOL_VERSION,
  type Result,
} from "../../src/protocol/messages.js";
import { type Worker, WorkerFailure, WorkerLost } from "../../src/worker/contract.js";
import {
  evaluatePayload,
  loadPayload,
  rolloutPayload,
  sftPayload,
  stagePayload,
  updatePayload,
} from "./payloads.js";

export function workerContract(open: () => Promise<Worker>): void {
  describe("contract of a worker", () => {
    let worker: Worker;
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "averse-contract-"));
      worker = await open();
    });
    afterAll(async () => {
      await worker.close();
      rmSync(folder, { recursive: true });
    });

    const freshFolder = () => mkdtempSync(join(folder, "part-"));

    /** Calls, and checks the answer against the schema: not every worker goes through the codec. */
    async function ask<C extends Command>(command: C, payload: Payload<C>): Promise<Result<C>> {
      const result = await worker.call(command, payload);
      return commands[command].result.parse(result) as Result<C>;
    }
    async function prompts(): Promise<{ train: Uint32Array; test: Uint32Array }> {
      const loaded = await ask("load", loadPayload);
      return { train: uint32Array(loaded.train.ids), test: uint32Array(loaded.test.ids) };
    }
    const exportTo = (path: string) => ({ path, weights: "current" as const });
    async function evaluated(test: Uint32Array): Promise<object> {
      const { reward, judges, kl, length } = await ask("evaluate", evaluatePayload(test));
      return { reward, judges, kl, length };
    }
    const failureOf = (call: Promise<unknown>) =>
      call.then(
        () => expect.unreachable("the call should have failed"),
        (error: unknown) => {
          expect(error).toBeInstanceOf(WorkerFailure);
          return error as WorkerFailure;
        },
      );

    test("nothing works before load", async () => {
      const failure = await failureOf(worker.call("rollout", rolloutPayload([0])));
      expect(failure).toMatchObject({ command: "rollout", kind: "protocol" });
      expect(failure.message).toContain("load");
    });

    test("hello names engine, process and capabilities", () => {
      expect(worker.hello).toMatchObject({ kind: "hello", protocol: PROTOCOL_VERSION });
      expect(worker.hello.pid).toBeGreaterThan(0);
      expect(worker.hello.capabilities.checkpoint).toBe(true);
    });

    test("hello declares figures with units, and options as a JSON Schema", () => {
      const { figures, engine_options } = worker.hello;
      for (const name of ["loss_policy", "grad_norm"]) {
        expect(figures.update[name]!.description).not.toBe("");
      }
      expect(Object.keys(figures.evaluate)).toEqual(
        expect.arrayContaining(["dist_1", "dist_2", "dist_3", "perplexity"]),
      );
      expect(engine_options).toMatchObject({ type: "object", additionalProperties: false });
    });

    test("devices are told, also before load", async () => {
      const other = await open();
      try {
        const { auto, devices, cores } = await other.call("devices", {});
        expect(devices.map(({ name }) => name)).toContain(auto);
        expect(cores).toBeGreaterThan(0);
      } finally {
        await other.close();
      }
    });

    test("a stage is described without its name, and trained into a folder that load takes", async () => {
      const payload = stagePayload();
      const { digest } = await ask("describe_stage", payload);
      expect(digest).toMatch(/^[0-9a-f]{64}$/);
      const renamed = stagePayload("language_model", { name: "other" });
      expect((await ask("describe_stage", renamed)).digest).toBe(digest);
      const longer = { ...payload.stage.options, steps: 11 };
      const other = stagePayload("language_model", { options: longer });
      expect((await ask("describe_stage", other)).digest).not.toBe(digest);

      const [one, again] = [freshFolder(), freshFolder()];
      const trained = await ask("train_stage", { seed: 5, path: one, ...payload });
      const repeated = await ask("train_stage", { seed: 5, path: again, ...payload });
      expect(readdirSync(one).sort()).toEqual(Object.keys(trained.files).sort());
      expect(repeated).toEqual({ ...trained, seconds: repeated.seconds });
      expect(trained.curve.length).toBeGreaterThan(0);
      const failure = await failureOf(worker.call("rollout", rolloutPayload([0])));
      expect(failure.message).toContain("load");
      const policy = { ...loadPayload.policy, model: one };
      expect((await ask("load", { ...loadPayload, policy })).digests.policy).toEqual(trained.files);
    });

    test("a stage goes on from the model of another", async () => {
      const path = freshFolder();
      await ask("train_stage", { seed: 5, path, ...stagePayload() });
      const base = {
        kind: "model",
        model: path,
        revision: null,
        trust_remote_code: false,
      } as const;
      const next = stagePayload("classifier", { base });
      await ask("describe_stage", next);
      const trained = await ask("train_stage", { seed: 5, path: freshFolder(), ...next });
      expect(Object.keys(trained.digests.base)).not.toEqual([]);
    });

    test("what SFT follows from has a digest, which the seed is part of", async () => {
      const { sft_digest } = await ask("load", loadPayload);
      expect(sft_digest).toMatch(/^[0-9a-f]{64}$/);
      expect((await ask("load", loadPayload)).sft_digest).toBe(sft_digest);
      const other = await ask("load", { ...loadPayload, seed: loadPayload.seed + 1 });
      expect(other.sft_digest).not.toBe(sft_digest);
    });

    test("options that the engine does not have are refused by their key", async () => {
      const payload = { ...loadPayload, engine_options: { surprise: 1 } };
      const failure = await failureOf(worker.call("load", payload));
      expect(failure.kind).toBe("input");
      expect(failure.key).toBe("backend.engine_options.surprise");
    });

    test("load answers prompts, ids unique in both splits", async () => {
      const { train, test } = await ask("load", loadPayload);
      const ids = [...uint32Array(train.ids), ...uint32Array(test.ids)];
      expect(new Set(ids).size).toBe(ids.length);
      for (const set of [train, test]) {
        expect(set.scores_digest).toMatch(/^[0-9a-f]{64}$/);
      }
    });

    const first = loadPayload.rewards[0]!;
    const twoRewards = {
      ...loadPayload,
      rewards: [
        { ...first, weight: 2 },
        { ...first, name: "other", weight: 0.5 },
      ],
    };

    test("score_prompts answers a score per prompt and component, and takes known ones", async () => {
      const { train } = await ask("load", twoRewards);
      const asked = { split: "train", prompts: train.ids } as const;
      const scored = await ask("score_prompts", { ...asked, known: null });
      expect(scored.components.map(({ name }) => name)).toEqual(["reward", "other"]);
      const [one, other] = scored.components.map(({ scores }) => float32Array(scores));
      float32Array(scored.combined).forEach((value, i) => {
        expect(value).toBeCloseTo(2 * one![i]! + 0.5 * other![i]!, 4);
      });
      const again = await ask("load", twoRewards);
      expect(again.train.scores_digest).toBe(train.scores_digest);
      const known = scored.components;
      const taken = await ask("score_prompts", { ...asked, known });
      expect({ ...taken, seconds: 0 }).toEqual({ ...scored, seconds: 0 });
      const torn = known.map(({ name, scores }) => ({ name, scores: scores.slice(4) }));
      const failure = await failureOf(worker.call("score_prompts", { ...asked, known: torn }));
      expect(failure.kind).toBe("input");
    });

    test("other rewards have another digest of their scores", async () => {
      const plain = await ask("load", loadPayload);
      const scorer = { ...first.scorer, sign: -1 as const };
      const turned = await ask("load", { ...loadPayload, rewards: [{ ...first, scorer }] });
      expect(turned.train.scores_digest).not.toBe(plain.train.scores_digest);
    });

    test("a rollout that needs prompt scores asks for them", async () => {
      const rewards = [{ ...first, baseline: "prompt" as const }];
      const { train } = await ask("load", { ...loadPayload, rewards });
      const ids = uint32Array(train.ids).slice(0, 4);
      const failure = await failureOf(worker.call("rollout", rolloutPayload(ids)));
      expect(failure.kind).toBe("protocol");
      expect(failure.message).toContain("score_prompts");
      await ask("score_prompts", { split: "train", prompts: train.ids, known: null });
      await ask("rollout", rolloutPayload(ids));
    });

    test("components add up to the reward", async () => {
      const { train } = await ask("load", twoRewards);
      const ids = uint32Array(train.ids).slice(0, 8);
      const { reward, components } = await ask("rollout", rolloutPayload(ids));
      const [one, other] = components.map(({ scores }) => float32Array(scores));
      float32Array(reward).forEach((value, i) => {
        expect(value).toBeCloseTo(2 * one![i]! + 0.5 * other![i]!, 4);
      });
    });

    test("what the components add to the trained reward is the return without a KL", async () => {
      const { train } = await ask("load", twoRewards);
      const ids = uint32Array(train.ids).slice(0, 8);
      const { trained, return: returns } = await ask("rollout", rolloutPayload(ids, 1, null));
      const [one, other] = trained.map((bytes) => float32Array(bytes));
      expect(trained).toHaveLength(2);
      float32Array(returns).forEach((value, i) => {
        expect(one![i]! + other![i]!).toBeCloseTo(value, 4);
      });
    });

    test("other rewards stand in place of the trained ones, with weights alone", async () => {
      const { train } = await prompts();
      const asked = train.slice(0, 8);
      const weights = float32Bytes([1, 1, 0, 1, 0, 1, 1, 1]);
      const learned = async (rewardsOf: (trained: Float32Array) => Float32Array | null) => {
        await ask("load", loadPayload);
        const { rollout, trained } = await ask("rollout", rolloutPayload(asked));
        const rewards = rewardsOf(float32Array(trained[0]!));
        const changes = { weights, rewards: rewards === null ? null : float32Bytes(rewards) };
        await ask("update", updatePayload(rollout, null, changes));
        return float32Array((await ask("rollout", rolloutPayload(asked, 2))).return);
      };
      const plain = await learned(() => null);
      const same = await learned((trained) => trained);
      same.forEach((value, i) => {
        expect(value).toBeCloseTo(plain[i]!, 3);
      });
      expect(await learned((trained) => trained.map((value) => -value))).not.toEqual(plain);
      const { rollout } = await ask("rollout", rolloutPayload(asked));
      for (const changes of [
        { advantages: weights, rewards: weights },
        { weights, rewards: weights.slice(4) },
      ]) {
        const payload = updatePayload(rollout, null, changes);
        expect((await failureOf(worker.call("update", payload))).kind).toBe("input");
      }
    });

    test("several completions are grouped by prompt", async () => {
      const { train } = await prompts();
      const rolled = await ask("rollout", rolloutPayload(train.slice(0, 3), 1, 0.2, 4));
      expect(float32Array(rolled.return)).toHaveLength(12);
      const { texts } = await ask("texts", {
        rollout: rolled.rollout,
        episodes: uint32Bytes([0, 3, 4, 7, 8, 11]),
      });
      const shown = texts.map(({ prompt }) => prompt);
      expect([shown[1], shown[3], shown[5]]).toEqual([shown[0], shown[2], shown[4]]);
      expect(new Set(shown).size).toBe(3);
    });

    test("β null leaves the KL out of the return", async () => {
      const { train } = await prompts();
      await ask("sft", sftPayload());
      const rolled = await ask("rollout", rolloutPayload(train.slice(0, 8), 1, null));
      const reward = float32Array(rolled.reward);
      float32Array(rolled.return).forEach((value, i) => {
        expect(value).toBeCloseTo(reward[i]!, 4);
      });
    });

    test("without a critic there are no λ-returns, and updates have advantages", async () => {
      const training = { ...loadPayload.training, critic: false };
      const { train } = await ask("load", { ...loadPayload, training });
      const ids = uint32Array(train.ids).slice(0, 4);
      const { rollout, lambda_return } = await ask("rollout", rolloutPayload(ids));
      expect(lambda_return).toBeNull();
      const refused = await failureOf(worker.call("update", updatePayload(rollout, [1, 1, 1, 1])));
      expect(refused.key).toBe("training.critic");
      const advantages = float32Bytes([1, -1, 0, 0.5]);
      const { figures, episodes } = await ask(
        "update",
        updatePayload(rollout, null, { advantages }),
      );
      expect(episodes).toBe(3);
      expect(figures).toHaveProperty("loss_policy");
      expect(figures).not.toHaveProperty("loss_value");
    });

    test("an episode takes part by a weight, an advantage or a KL weight", async () => {
      const { train } = await prompts();
      const asked = train.slice(0, 8);
      const { rollout, length } = await ask("rollout", rolloutPayload(asked));
      const advantages = float32Bytes([1, -1, 0, 0, 0, 0, 0, 0]);
      const kl_weights = float32Bytes([0, 2, 3, 0, 0, 0, 0, 0]);
      const kl_loss = { form: "exact", coefficient: 0.5, unit: "advantage" } as const;
      const changes = { advantages, kl_weights, kl_loss, steps_per_epoch: 2 };
      const updated = await ask("update", updatePayload(rollout, null, changes));
      const { epochs } = loadPayload.training;
      const taking = [...uint32Array(length).slice(0, 3)].reduce((sum, one) => sum + one, 0);
      expect(updated).toMatchObject({
        episodes: 3,
        gradient_steps: 2 * epochs,
        tokens: taking * epochs,
      });
      expect(updated.figures).toHaveProperty("loss_kl");
    });

    test("a KL loss in units of the reward is divided as the critic's advantages are", async () => {
      const update = async (unit: "advantage" | "reward", weighed: boolean) => {
        const training = { ...loadPayload.training, epochs: 1 };
        const { train } = await ask("load", { ...loadPayload, training });
        const asked = uint32Array(train.ids).slice(0, 8);
        // The policy has to be apart from its reference, or there is no KL.
        const first = await ask("rollout", rolloutPayload(asked));
        await ask("update", updatePayload(first.rollout, new Float32Array(8).fill(1)));
        const { rollout } = await ask("rollout", rolloutPayload(asked, 2, null));
        const kl_weights = float32Bytes(new Float32Array(8).fill(1));
        const kl_loss = { form: "exact", coefficient: 0.5, unit } as const;
        const advantages = weighed ? null : float32Bytes([1, -1, 0, 0, 2, 0, 0, 0]);
        const weights = weighed ? [1, 1, 0, 1, 0, 0, 1, 0] : null;
        const changes = { advantages, kl_weights, kl_loss, steps_per_epoch: 1 };
        return (await ask("update", updatePayload(rollout, weights, changes))).figures;
      };
      const plain = await update("advantage", true);
      const scaled = await update("reward", true);
      expect(scaled.advantage_deviation).toBe(plain.advantage_deviation);
      expect(plain.loss_kl).toBeGreaterThan(0);
      expect(scaled.loss_kl! * scaled.advantage_deviation!).toBeCloseTo(plain.loss_kl!, 6);
      // Signed advantages are taken as they are.
      const signed = await update("advantage", false);
      expect(await update("reward", false)).toEqual(signed);
      expect(signed).not.toHaveProperty("advantage_deviation");
    });

    test.each([
      ["nothing at all", {}],
      ["weights and advantages", { weights: [1, 1], advantages: [1, 1] }],
      ["advantages of 0 alone", { advantages: [0, 0] }],
      ["negative KL weights", { kl_weights: [1, -1] }],
    ] as const)("update refuses %s", async (_, arrays) => {
      const { train } = await prompts();
      const { rollout } = await ask("rollout", rolloutPayload(train.slice(0, 2)));
      const bytes = Object.fromEntries(
        Object.entries(arrays).map(([name, values]) => [name, float32Bytes(values)]),
      );
      const some = { form: "k3", coefficient: 1, unit: "advantage" } as const;
      const kl_loss = "kl_weights" in arrays ? some : null;
      const payload = updatePayload(rollout, null, { ...bytes, kl_loss });
      expect((await failureOf(worker.call("update", payload))).kind).toBe("input");
    });

    test("load says what may keep two runs from the same bits", async () => {
      expect((await ask("load", loadPayload)).nondeterminism).toEqual([]);
    });

    test("rollout answers one value per prompt, in the order asked for", async () => {
      const { train } = await prompts();
      const asked = Uint32Array.of(train[5]!, train[0]!, train[5]!);
      const rollout = await ask("rollout", rolloutPayload(asked));
      for (const field of ["reward", "kl", "return", "lambda_return"] as const) {
        expect(float32Array(rollout[field]!)).toHaveLength(3);
      }
      const lengths = uint32Array(rollout.length);
      expect(lengths.every((length) => length >= 1 && length <= 6)).toBe(true);
      expect(rollout.tokens).toBe(lengths.reduce((sum, length) => sum + length, 0));
      expect(rollout.components).toEqual([
        { name: "reward", scores: rollout.reward, failures: [] },
      ]);
    });

    test("rollout is a function of weights, prompts, seed and β", async () => {
      const { train } = await prompts();
      const asked = train.slice(0, 32);
      const first = await ask("rollout", rolloutPayload(asked, 1));
      const again = await ask("rollout", rolloutPayload(asked, 1));
      const other = await ask("rollout", rolloutPayload(asked, 2));
      expect(float32Array(again.return)).toEqual(float32Array(first.return));
      expect(float32Array(other.return)).not.toEqual(float32Array(first.return));
      expect(again.rollout).not.toBe(first.rollout);
    });

    test("return is reward with β·KL taken off, up to float32 and discount 1", async () => {
      const { train } = await prompts();
      const asked = train.slice(0, 16);
      await ask("sft", sftPayload());
      const { reward, kl, return: returns } = await ask("rollout", rolloutPayload(asked, 4, 0.5));
      const [r, k, g] = [float32Array(reward), float32Array(kl), float32Array(returns)];
      r.forEach((one, i) => {
        expect(g[i]!).toBeCloseTo(one - 0.5 * k[i]!, 4);
      });
    });

    test("update counts the episodes with weight, and learns from them", async () => {
      const { train, test } = await prompts();
      const asked = train.slice(0, 64);
      const before = await ask("evaluate", evaluatePayload(test));
      for (let step = 0; step < 20; step++) {
        const { rollout } = await ask("rollout", rolloutPayload(asked, step, 0.05));
        const weights = float32Bytes(Float32Array.from(asked, (_, i) => (i % 2 === 0 ? 1 : 0)));
        const payload = { ...updatePayload(rollout, null), weights, seed: step };
        const update = await ask("update", payload);
        expect(update.episodes).toBe(32);
        expect(update.gradient_steps).toBeGreaterThan(0);
      }
      const after = await ask("evaluate", evaluatePayload(test));
      const mean = (bytes: Uint8Array) =>
        float32Array(bytes).reduce((sum, value) => sum + value, 0) / test.length;
      expect(mean(after.reward)).toBeGreaterThan(mean(before.reward) + 0.2);
    });

    test("texts are of the episodes asked for, the same before the update and after it", async () => {
      const { train, test } = await prompts();
      const asked = Uint32Array.of(train[5]!, train[0]!, train[5]!, train[1]!);
      const { rollout } = await ask("rollout", rolloutPayload(asked));
      const texts = (...episodes: number[]) =>
        ask("texts", { rollout, episodes: uint32Bytes(episodes) });
      const before = await texts(0, 1, 2, 3);
      expect(before.texts.map(({ episode }) => episode)).toEqual([0, 1, 2, 3]);
      const shown = before.texts.map(({ prompt }) => prompt);
      expect(shown[2]).toBe(shown[0]);
      expect(new Set(shown).size).toBe(3);
      expect(before.texts.every(({ completion }) => typeof completion === "string")).toBe(true);
      const weights = float32Bytes([1, 0, 1, 1]);
      await ask("update", { ...updatePayload(rollout, null), weights, seed: 0 });
      await ask("evaluate", evaluatePayload(test));
      expect(await texts(3, 1)).toEqual({ texts: [before.texts[3], before.texts[1]] });
      expect(await texts()).toEqual({ texts: [] });
    });

    test("texts change nothing", async () => {
      const { train } = await prompts();
      const asked = train.slice(0, 16);
      const trained = async (reads: boolean) => {
        await ask("load", loadPayload);
        const { rollout } = await ask("rollout", rolloutPayload(asked, 1));
        const read = () =>
          reads ? ask("texts", { rollout, episodes: uint32Bytes([1, 0]) }) : undefined;
        await read();
        const weights = float32Bytes(new Float32Array(16).fill(1));
        const payload = { ...updatePayload(rollout, null), weights, seed: 1 };
        const { figures } = await ask("update", payload);
        await read();
        const { return: returns } = await ask("rollout", rolloutPayload(asked, 2));
        return { figures, returns: float32Array(returns) };
      };
      expect(await trained(true)).toEqual(await trained(false));
    });

    test("texts of a rollout that is gone, or of no episode of it, are refused", async () => {
      const { train } = await prompts();
      const gone = await ask("rollout", rolloutPayload(train.slice(0, 4)));
      const { rollout } = await ask("rollout", rolloutPayload(train.slice(0, 4)));
      const refused = (of: number, episode: number) =>
        failureOf(worker.call("texts", { rollout: of, episodes: uint32Bytes([episode]) }));
      const stale = await refused(gone.rollout, 0);
      expect(stale).toMatchObject({ command: "texts", kind: "protocol" });
      expect(stale.message).toContain(String(gone.rollout));
      expect((await refused(rollout, 4)).kind).toBe("input");
      const path = freshFolder();
      await ask("save", { path });
      await ask("restore", { path });
      expect((await refused(rollout, 0)).kind).toBe("protocol");
    });

    test("evaluate changes nothing, and repeats itself", async () => {
      const { train, test } = await prompts();
      const first = await ask("evaluate", evaluatePayload(test));
      const rollout = await ask("rollout", rolloutPayload(train.slice(0, 8)));
      const again = await ask("evaluate", evaluatePayload(test));
      expect(float32Array(again.reward)).toEqual(float32Array(first.reward));
      expect(again.samples).toEqual(first.samples);
      expect(first.samples).toHaveLength(3);
      expect(first.figures.perplexity).toBeGreaterThan(1);
      const weights = float32Bytes(new Float32Array(8).fill(1));
      const payload = { ...updatePayload(rollout.rollout, null), weights, seed: 0 };
      // The evaluation in between has not taken the rollout's tensors away.
      expect((await ask("update", payload)).episodes).toBe(8);
    });

    test("restore takes up a saved state to the last bit", async () => {
      const { train } = await prompts();
      const asked = train.slice(0, 32);
      const step = async (seed: number) => {
        const rollout = await ask("rollout", rolloutPayload(asked, seed));
        const weights = float32Bytes(new Float32Array(32).fill(1));
        const payload = { ...updatePayload(rollout.rollout, null), weights, seed };
        await ask("update", payload);
        return float32Array(rollout.return);
      };
      await step(1);
      const path = freshFolder();
      const saved = await ask("save", { path });
      expect(Object.keys(saved.files).sort()).toEqual(readdirSync(path).sort());
      expect(Object.values(saved.files).every((digest) => /^[0-9a-f]{64}$/.test(digest))).toBe(
        true,
      );
      const straight = [await step(2), await step(3)];
      await ask("load", loadPayload);
      await ask("restore", { path });
      expect([await step(2), await step(3)]).toEqual(straight);
    });

    test("what sft made is in a checkpoint, reference and all", async () => {
      const { test } = await prompts();
      await ask("sft", sftPayload());
      const path = freshFolder();
      await ask("save", { path });
      const model = async () => (await ask("export", exportTo(freshFolder()))).files;
      const straight = [await evaluated(test), await model()];
      await ask("load", loadPayload);
      expect([await evaluated(test), await model()]).not.toEqual(straight);
      await ask("restore", { path });
      expect([await evaluated(test), await model()]).toEqual(straight);
    });

    test("export writes a model, once", async () => {
      await prompts();
      const path = freshFolder();
      const exported = await ask("export", { path, weights: "ema" });
      expect(readdirSync(path)).toContain("config.json");
      expect(exported.bytes).toBeGreaterThan(0);
      const again = await failureOf(worker.call("export", { path, weights: "ema" }));
      expect(again.kind).toBe("input");
      expect(again.message).toContain(path);
    });

    test("save refuses a folder that holds something", async () => {
      await prompts();
      const path = freshFolder();
      writeFileSync(join(path, "mine.txt"), "mine");
      expect((await failureOf(worker.call("save", { path }))).kind).toBe("input");
      expect(readdirSync(path)).toEqual(["mine.txt"]);
    });

    test("restore refuses what is no checkpoint", async () => {
      await prompts();
      const path = freshFolder();
      expect((await failureOf(worker.call("restore", { path }))).kind).toBe("input");
    });

    test.each([
      ["an unknown prompt", [4_000_000], "input"],
      ["no prompts", [], "input"],
    ] as const)("rollout refuses %s, and the worker lives on", async (_, ids, kind) => {
      await prompts();
      expect((await failureOf(worker.call("rollout", rolloutPayload(ids)))).kind).toBe(kind);
      expect((await ask("ping", {})).busy).toBeNull();
    });

    test.each([
      ["too few", [1, 1]],
      ["negative", [1, 1, -1, 1]],
      ["all zero", [0, 0, 0, 0]],
    ] as const)("update refuses weights that are %s", async (_, weights) => {
      const { train } = await prompts();
      const { rollout } = await ask("rollout", rolloutPayload(train.slice(0, 4)));
      const payload = { ...updatePayload(rollout, null), weights: float32Bytes(weights), seed: 0 };
      expect((await failureOf(worker.call("update", payload))).kind).toBe("input");
    });

    test("update refuses a rollout that is gone", async () => {
      const { train } = await prompts();
      const { rollout } = await ask("rollout", rolloutPayload(train.slice(0, 4)));
      await ask("rollout", rolloutPayload(train.slice(0, 4)));
      const weights = float32Bytes([1, 1, 1, 1]);
      const payload = { ...updatePayload(rollout, null), weights, seed: 0 };
      const failure = await failureOf(worker.call("update", payload));
      expect(failure.kind).toBe("protocol");
      expect(failure.message).toContain(String(rollout));
    });

    test("a payload that is wrong never reaches the engine", async () => {
      const { train } = await prompts();
      const payload = { ...rolloutPayload(train.slice(0, 4)), surprise: 1 };
      const failure = await failureOf(worker.call("rollout", payload));
      expect(failure.kind).toBe("protocol");
      expect(failure.message).toContain("`surprise`");
      const nan = { ...rolloutPayload(train.slice(0, 4)), kl_coefficient: Number.NaN };
      expect((await failureOf(worker.call("rollout", nan))).message).toContain("`kl_coefficient`");
    });

    test("progress comes while a command works; ping and interrupt are answered beside it", async () => {
      await prompts();
      const phases: string[] = [];
      const inBetween: Promise<unknown>[] = [];
      const work = worker.call("sft", sftPayload({ steps: 10_000_000 }), ({ phase }) => {
        if (phases.push(phase) === 1) {
          inBetween.push(
            ask("ping", {}).then((pong) => expect(pong.busy).toBe("sft")),
            failureOf(worker.call("save", { path: folder })).then(({ kind, message }) => {
              expect(kind).toBe("protocol");
              expect(message).toContain("sft");
            }),
            ask("interrupt", {}),
          );
        }
      });
      expect((await failureOf(work)).kind).toBe("interrupted");
      expect(phases).toContain("sft");
      await Promise.all(inBetween);
      expect((await ask("ping", {})).busy).toBeNull();
      const { train } = await prompts();
      await ask("rollout", rolloutPayload(train.slice(0, 4)));
    });

    test("interrupt without a command in hand does nothing", async () => {
      await ask("interrupt", {});
      const { train } = await prompts();
      await ask("rollout", rolloutPayload(train.slice(0, 4)));
    });

    test("close is safe to call twice; calls after it are lost", async () => {
      const other = await open();
      await Promise.all([other.close(), other.close()]);
      await other.close();
      await expect(other.call("ping", {})).rejects.toBeInstanceOf(WorkerLost);
    });
  });
}
