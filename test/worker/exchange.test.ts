/** Messages against calls, without a socket. */
import { decode, encode } from "@msgpack/msgpack";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { float32Bytes, uint32Bytes } from "../../src/protocol/arrays.js";
import type { Command, Payload, Request } from "../../src/protocol/messages.js";
import { redaction } from "../../src/text/redaction.js";
import { builtinSft } from "../../src/worker/conformance/payloads.js";
import { WorkerFailure } from "../../src/worker/contract.js";
import { type CallOptions, Exchange } from "../../src/worker/exchange.js";
import { helloMessage } from "./hello.js";

const hello = helloMessage;
const token = "planted-hub-token";
const pong = { busy: null, phase: null, memory_bytes: 1 };

describe("exchange", () => {
  const seen = { strays: [] as string[], refusals: [] as string[], greetings: 0 };
  let exchange: Exchange;

  beforeEach(() => {
    Object.assign(seen, { strays: [], refusals: [], greetings: 0 });
    exchange = new Exchange(
      "s",
      {
        greeted: () => {
          seen.greetings += 1;
        },
        refused: (fault) => seen.refusals.push(fault.message),
        stray: (text) => seen.strays.push(text),
      },
      redaction({ HF_TOKEN: token }),
    );
  });

  const receive = (message: object) => exchange.receive(encode({ session: "s", ...message }));
  const greet = () => receive(hello);

  function ask<C extends Command>(
    command: C,
    payload: Payload<C>,
    options: Partial<CallOptions> = {},
  ) {
    const { bytes, answer } = exchange.request(command, payload, {
      onProgress: undefined,
      limit: () => 1e6,
      onTimeout: () => {},
      ...options,
    });
    return { id: (decode(bytes) as Request).id, answer };
  }

  test("answers may come in any order", async () => {
    greet();
    const first = ask("ping", {});
    const second = ask("ping", {});
    expect(second.id).not.toBe(first.id);
    receive({ kind: "reply", id: second.id, result: { ...pong, memory_bytes: 2 } });
    receive({ kind: "reply", id: first.id, result: pong });
    expect(await first.answer).toEqual(pong);
    expect(await second.answer).toEqual({ ...pong, memory_bytes: 2 });
    expect(seen.strays).toEqual([]);
  });

  test("late, double and unasked answers are reported and ignored", async () => {
    greet();
    const { id, answer } = ask("ping", {});
    receive({ kind: "reply", id, result: pong });
    await answer;
    receive({ kind: "reply", id, result: pong });
    receive({ kind: "progress", id, phase: "x", done: 1, total: 2, unit: "steps", loss: null });
    receive({ kind: "reply", id: 99, result: pong });
    expect(seen.strays).toEqual([
      `a reply to request ${id}, which was answered before`,
      `progress of request ${id}, which was answered before`,
      "a reply to request 99, which was never sent",
    ]);
  });

  test("messages of another session are reported and ignored", async () => {
    greet();
    const { id, answer } = ask("ping", {});
    receive({ session: "other", kind: "reply", id, result: { ...pong, memory_bytes: 9 } });
    receive({ kind: "reply", id, result: pong });
    expect((await answer).memory_bytes).toBe(1);
    expect(seen.strays).toEqual(['a reply of session "other"']);
  });

  test("a second hello is reported and ignored", () => {
    greet();
    greet();
    expect(seen).toEqual({ strays: ["a second hello"], refusals: [], greetings: 1 });
  });

  test.each([
    [
      "progress",
      { kind: "progress", id: 1, phase: "x", done: 1, total: 2, unit: "steps", loss: null },
    ],
    [
      "a failure",
      { kind: "failure", id: null, error: "internal", message: "", key: null, detail: null },
    ],
    ["anything else", { kind: "hallo" }],
  ])("%s before the hello is a refusal", (_, message) => {
    receive(message);
    expect(seen.refusals).toHaveLength(1);
    expect(seen.greetings).toBe(0);
  });

  test("a failure comes with kind, key and detail", async () => {
    greet();
    const { id, answer } = ask("save", { path: "/x" });
    receive({
      kind: "failure",
      id,
      error: "environment",
      message: "disk full",
      key: "a.b",
      detail: "d",
    });
    const failure = await answer.catch((error) => error);
    expect(failure).toBeInstanceOf(WorkerFailure);
    expect(failure).toMatchObject({
      command: "save",
      kind: "environment",
      message: "disk full",
      key: "a.b",
      detail: "d",
    });
  });

  test("secrets are redacted from what the worker says went wrong", async () => {
    greet();
    const { id, answer } = ask("save", { path: "/x" });
    const message = `401 for ${token}`;
    receive({ kind: "failure", id, error: "internal", message, key: null, detail: `x ${token}` });
    const failure = await answer.catch((error) => error);
    expect(failure).toMatchObject({
      message: "401 for [redacted: HF_TOKEN]",
      detail: "x [redacted: HF_TOKEN]",
    });
    const other = ask("ping", {});
    receive({ kind: "reply", id: other.id, result: { [token]: 1 } });
    expect((await other.answer.catch((error) => error)).message).not.toContain(token);
  });

  test("secrets are redacted from the reasons of rewards that failed", async () => {
    greet();
    const { id, answer } = ask("rollout", {
      prompts: uint32Bytes([7]),
      completions: 1,
      condition: null,
      seed: 1,
      kl_coefficient: 0,
    });
    const nan = new Uint8Array(new Float32Array([Number.NaN]).buffer);
    const episodes = uint32Bytes([0]);
    receive({
      kind: "reply",
      id,
      result: {
        rollout: 1,
        reward: nan,
        components: [
          {
            name: "reward",
            scores: nan,
            failures: [{ kind: "exception", message: `no ${token}`, episodes }],
          },
        ],
        trained: [nan],
        kl: float32Bytes([0]),
        return: nan,
        lambda_return: nan,
        length: uint32Bytes([1]),
        entropy: 1,
        tokens: 1,
        seconds: { sample: 0, reference: 0, reward: 0 },
      },
    });
    expect((await answer).components).toMatchObject([
      { failures: [{ message: "no [redacted: HF_TOKEN]" }] },
    ]);
  });

  test("a request that the worker could not read fails whatever waits", async () => {
    greet();
    const { answer } = ask("ping", {});
    const failed = expect(answer).rejects.toThrow("could not read a request: no map");
    receive({
      kind: "failure",
      id: null,
      error: "protocol",
      message: "no map",
      key: null,
      detail: null,
    });
    await failed;
    expect(seen.strays).toHaveLength(1);
  });

  test("a torn answer to one call leaves the others alone", async () => {
    greet();
    const torn = ask("ping", {});
    const whole = ask("ping", {});
    receive({ kind: "reply", id: torn.id, result: pong, surprise: 1 });
    receive({ kind: "reply", id: whole.id, result: pong });
    await expect(torn.answer).rejects.toThrow("unknown field `surprise`");
    expect(await whole.answer).toEqual(pong);
  });

  test("a listener that throws fails its own call", async () => {
    greet();
    const onProgress = () => {
      throw new Error("listener's bug");
    };
    const { id, answer } = ask("save", { path: "/x" }, { onProgress });
    const other = ask("ping", {});
    receive({ kind: "progress", id, phase: "x", done: 1, total: 2, unit: "steps", loss: null });
    receive({ kind: "reply", id: other.id, result: pong });
    await expect(answer).rejects.toThrow("listener's bug");
    expect(await other.answer).toEqual(pong);
  });

  test("timeout is told once, and counted anew after progress", () => {
    vi.useFakeTimers();
    try {
      greet();
      const onTimeout = vi.fn();
      const { id } = ask("save", { path: "/x" }, { limit: () => 1000, onTimeout });
      const progress = {
        kind: "progress",
        id,
        phase: "save",
        done: 3,
        total: 10,
        unit: "files",
        loss: null,
      };
      vi.advanceTimersByTime(900);
      receive(progress);
      vi.advanceTimersByTime(900);
      expect(onTimeout).not.toHaveBeenCalled();
      vi.advanceTimersByTime(5000);
      expect(onTimeout).toHaveBeenCalledTimes(1);
      receive(progress);
      vi.advanceTimersByTime(1000);
      expect(onTimeout).toHaveBeenCalledTimes(2);
      expect(exchange.calls.inHandText()).toBe("during `save` (phase save, 3 of 10 files)");
      receive({ kind: "reply", id, result: { files: {}, bytes: 1, seconds: 1 } });
      vi.advanceTimersByTime(5000);
      expect(onTimeout).toHaveBeenCalledTimes(2);
      expect(exchange.calls.inHandText()).toBe("with no command in hand");
    } finally {
      vi.useRealTimers();
    }
  });

  test("each progress says anew how long the next timeout may be", () => {
    vi.useFakeTimers();
    try {
      greet();
      const onTimeout = vi.fn();
      const limit: CallOptions["limit"] = ({ progress }) =>
        progress?.phase === "reference" ? 100 : 1000;
      const { id } = ask("save", { path: "/x" }, { limit, onTimeout });
      const progress = { kind: "progress", id, done: 0, total: 1, unit: "episodes", loss: null };
      receive({ ...progress, phase: "reference" });
      vi.advanceTimersByTime(100);
      expect(onTimeout).toHaveBeenCalledTimes(1);
      receive({ ...progress, phase: "reward" });
      vi.advanceTimersByTime(999);
      expect(onTimeout).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(1);
      expect(onTimeout).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });

  test("what is told of the work in hand is the work, not the ping beside it", () => {
    greet();
    ask("ping", {});
    expect(exchange.calls.inHandText()).toBe("during `ping` (no progress yet)");
    const { id } = ask("sft", builtinSft());
    receive({ kind: "progress", id, phase: "sft", done: 3, total: 0, unit: "steps", loss: null });
    expect(exchange.calls.inHandText()).toBe("during `sft` (phase sft, 3 steps)");
  });
});
