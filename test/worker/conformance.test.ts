/** That every clause of the contract can fail: one fault for each, in a worker that keeps to all else. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { float32Array, float32Bytes } from "../../src/protocol/arrays.js";
import type { Command, Hello } from "../../src/protocol/messages.js";
import { conformanceClauses } from "../../src/worker/conformance/clauses/all.js";
import { runConformance } from "../../src/worker/conformance/conformance.js";
import { type Worker, WorkerFailure, WorkerLost } from "../../src/worker/contract.js";
import { simulatedWorker } from "./simulated/worker.js";

/** What a worker answers in place of its own answer. */
type Answer = (
  command: Command,
  // biome-ignore lint/suspicious/noExplicitAny: a fault may be of any form
  payload: any,
  // biome-ignore lint/suspicious/noExplicitAny: as above
  ask: (payload?: unknown) => Promise<any>,
  calls: number,
) => Promise<unknown>;

interface Fault {
  readonly answer?: Answer;
  readonly hello?: (hello: Hello) => Hello;
}

/** Changes the result of one command. */
function changed(
  which: Command,
  // biome-ignore lint/suspicious/noExplicitAny: as above
  change: (result: any, payload: any, calls: number) => unknown,
): Fault {
  return {
    answer: async (command, payload, ask, calls) => {
      const result = await ask();
      return command === which ? change(result, payload, calls) : result;
    },
  };
}

/** Answers what should be refused, as if nothing were wrong. */
// biome-ignore lint/suspicious/noExplicitAny: as above
const lenient = (which: Command, result: any = {}): Fault => ({
  answer: async (command, _payload, ask) => {
    if (command !== which) return ask();
    return ask().catch(() => result);
  },
});

/** Fails with another kind, and says nothing of use. */
const curt = (which: Command): Fault => ({
  answer: async (command, _payload, ask) =>
    ask().catch((error: unknown) => {
      if (command !== which || !(error instanceof WorkerFailure)) throw error;
      throw new WorkerFailure(command, "internal", "no", null, null);
    }),
});

const shifted = (bytes: Uint8Array, by: number) =>
  float32Bytes(float32Array(bytes).map((value) => value + by));
const withLora = (hello: Hello): Hello => ({
  ...hello,
  capabilities: { ...hello.capabilities, lora: true },
});
const updated = {
  figures: {},
  episodes: 1,
  gradient_steps: 1,
  tokens: 1,
  memory_bytes: 1,
  gpu: null,
};

/** By the id of the clause that must see it. */
const faults: Readonly<Record<string, Fault>> = {
  "load-first": curt("rollout"),
  devices: changed("devices", (result) => ({ ...result, auto: "tpu" })),
  hello: { hello: (hello) => ({ ...hello, engine: "" }) },
  figures: { hello: (hello) => ({ ...hello, figures: { ...hello.figures, update: {} } }) },
  prompts: changed("load", (result) => ({ ...result, test: result.train })),
  options: {
    answer: (command, payload, ask) =>
      command === "load" ? ask({ ...payload, engine_options: {} }) : ask(),
  },
  processes: changed("load", (result) => ({ ...result, processes: 2 })),
  nondeterminism: changed("load", (result) => ({ ...result, nondeterminism: ["cumsum"] })),
  "sft-digest": changed("load", (result) => ({ ...result, sft_digest: "0".repeat(64) })),
  adapter: {
    hello: withLora,
    ...changed("rollout", (result) => ({ ...result, kl: shifted(result.kl, 1) })),
  },
  "prompt-scores": changed("score_prompts", (result) => ({
    ...result,
    combined: shifted(result.combined, 1),
  })),
  "scores-digest": changed("load", (result) => ({
    ...result,
    train: { ...result.train, scores_digest: "0".repeat(64) },
  })),
  "scores-first": curt("rollout"),
  "rollout-order": changed("rollout", (result) => ({ ...result, tokens: result.tokens + 1 })),
  "rollout-components": changed("rollout", (result) => ({
    ...result,
    reward: shifted(result.reward, 1),
  })),
  "rollout-trained": changed("rollout", (result) => ({
    ...result,
    trained: result.trained.map((one: Uint8Array) => shifted(one, 1)),
  })),
  "rollout-kl": changed("rollout", (result) => ({ ...result, kl: shifted(result.kl, 1) })),
  "rollout-no-kl": changed("rollout", (result) => ({
    ...result,
    return: shifted(result.return, 1),
  })),
  "sft-reference": {
    answer: async (command, _payload, ask) => {
      const result = await ask();
      return command === "rollout" ? { ...result, kl: shifted(result.kl, 1) } : result;
    },
  },
  "rollout-repeats": changed("rollout", (result, _payload, calls) => ({
    ...result,
    return: shifted(result.return, calls),
  })),
  completions: changed("texts", (result) => ({
    texts: result.texts.map((one: { episode: number }) => ({
      ...one,
      prompt: `prompt ${one.episode % 5}`,
    })),
  })),
  "rollout-unknown": curt("rollout"),
  "update-counts": changed("update", (result) => ({ ...result, episodes: 8 })),
  "update-learns": {
    answer: (command, payload, ask) =>
      command === "update" ? ask({ ...payload, learning_rate_factor: 0 }) : ask(),
  },
  "update-critic-free": changed("rollout", (result) => ({
    ...result,
    lambda_return: result.return,
  })),
  "update-rewards": {
    answer: (command, payload, ask) =>
      command === "update" ? ask({ ...payload, rewards: null }) : ask(),
  },
  "update-kl": changed("update", (result) => ({ ...result, figures: {} })),
  "update-kl-unit": {
    answer: (command, payload, ask) =>
      command === "update" && payload.kl_loss !== null
        ? ask({ ...payload, kl_loss: { ...payload.kl_loss, unit: "advantage" } })
        : ask(),
  },
  ...Object.fromEntries(
    [
      ...["nothing", "both", "zero", "few", "kl-negative"].map((name) => `update-${name}`),
      ...["few", "negative", "zero"].map((name) => `weights-${name}`),
    ].map((id) => [id, lenient("update", updated)]),
  ),
  "update-stale": lenient("update", updated),
  texts: changed("texts", (result, _payload, calls) => ({
    texts: result.texts.map((one: object) => ({ ...one, completion: `call ${calls}` })),
  })),
  "texts-only-read": {
    answer: async (command, _payload, ask, calls) => {
      const result = await ask();
      return command === "update"
        ? { ...result, figures: { ...result.figures, loss_policy: calls } }
        : result;
    },
  },
  "texts-refused": curt("texts"),
  "evaluate-only-reads": changed("evaluate", (result, _payload, calls) => ({
    ...result,
    reward: shifted(result.reward, calls),
  })),
  "evaluate-draws": {
    answer: (command, payload, ask, calls) =>
      command === "evaluate" ? ask({ ...payload, seed: calls }) : ask(),
  },
  stage: changed("describe_stage", (result, _payload, calls) => ({
    ...result,
    digest: String(calls).padStart(64, "0"),
  })),
  "stage-base": changed("train_stage", (result) => ({
    ...result,
    digests: { ...result.digests, base: {} },
  })),
  save: changed("save", (result) => ({ ...result, files: {} })),
  restore: changed("evaluate", (result, _payload, calls) => ({
    ...result,
    reward: shifted(result.reward, calls),
  })),
  "restore-bitwise": changed("rollout", (result, _payload, calls) => ({
    ...result,
    return: shifted(result.return, calls * 1e-6),
  })),
  "restore-sft": {
    answer: async (command, _payload, ask) => (command === "restore" ? { seconds: 0 } : ask()),
  },
  "save-occupied": lenient("save"),
  "restore-nothing": lenient("restore"),
  export: lenient("export"),
  payload: lenient("rollout"),
  interrupt: {
    answer: async (command, _payload, ask) => {
      if (command !== "ping") return ask();
      return { ...(await ask()), busy: "load" };
    },
  },
  "interrupt-idle": {
    answer: async (command, _payload, ask) => {
      if (command === "interrupt") throw new WorkerLost("it fell over", "exited", []);
      return ask();
    },
  },
  close: {},
};

/** The simulated worker with one fault. */
function faulty({ answer, hello }: Fault): Worker {
  const worker = simulatedWorker({ seed: 1 });
  let calls = 0;
  return {
    hello: hello?.(worker.hello) ?? worker.hello,
    call: async (command, payload, onProgress) => {
      calls += 1;
      // biome-ignore lint/suspicious/noExplicitAny: a fault may be of any form
      const ask = (other: unknown = payload): Promise<any> =>
        worker.call(command, other as typeof payload, onProgress);
      return answer === undefined ? ask() : (answer(command, payload, ask, calls) as never);
    },
    close: () => worker.close(),
  };
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "averse-clauses-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const settings = { device: "cpu", clock: () => 0 };

test("there is a fault for every clause, and each clause has an id of its own", () => {
  const ids = conformanceClauses.map(({ id }) => id);
  expect(Object.keys(faults).sort()).toEqual([...ids].sort());
});

test.each(conformanceClauses.map((clause) => [clause.id, clause] as const))(
  "%s fails where the worker does otherwise, with what was seen",
  async (id, clause) => {
    // One whose close leaves it running is no fault of an answer.
    const open = async () => {
      const worker = faulty(faults[id]!);
      return id === "close" ? { ...worker, close: async () => {} } : worker;
    };
    const [result] = await runConformance(open, {
      ...settings,
      folder: folder(),
      clauses: [clause],
    });
    expect(result).toMatchObject({ id, outcome: "failed" });
    expect(result!.seen).not.toBe("");
  },
);

test("a worker without a fault passes; what it does not declare does not apply", async () => {
  const results = await runConformance(async () => simulatedWorker({ seed: 1 }), {
    ...settings,
    folder: folder(),
  });
  const others = results.filter(({ outcome }) => outcome !== "passed");
  expect(others).toMatchObject([
    { id: "adapter", outcome: "not applicable", seen: "lora not declared" },
  ]);
});

test("a worker that is lost fails its clause, and another one goes on", async () => {
  let opened = 0;
  const clauses = conformanceClauses.filter(({ id }) => ["interrupt-idle", "close"].includes(id));
  const results = await runConformance(
    async () => {
      opened += 1;
      return faulty(faults["interrupt-idle"]!);
    },
    { ...settings, folder: folder(), clauses },
  );
  expect(opened).toBe(2);
  expect(results.map(({ outcome, seen }) => [outcome, seen])).toEqual([
    ["failed", "it fell over"],
    ["passed", null],
  ]);
});

test("an error of the suite's own is no failed clause", async () => {
  const [first] = conformanceClauses;
  const broken = { ...first!, check: () => Promise.reject(new TypeError("ours")) };
  const running = runConformance(async () => simulatedWorker(), {
    ...settings,
    folder: folder(),
    clauses: [broken],
  });
  await expect(running).rejects.toThrow("ours");
});
