import { readFileSync } from "node:fs";
import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { float32Array, float32Bytes, uint32Array, uint32Bytes } from "../../src/protocol/arrays.js";
import {
  checkedResult,
  decodeMessage,
  encodeRequest,
  MAX_MESSAGE_BYTES,
} from "../../src/protocol/codec.js";
import { ProtocolFault, VersionFault } from "../../src/protocol/fault.js";
import {
  type FromWorker,
  type Payload,
  PROTOCOL_VERSION,
  RELEASE,
  request,
} from "../../src/protocol/messages.js";
import { plainUpdate } from "../../src/protocol/plain-payloads.js";
import { builtinLoad } from "../../src/worker/conformance/payloads.js";
import { helloMessage } from "../worker/hello.js";

const worker = `averse-worker==${RELEASE}`;

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: "grapheme" });
// MessagePack carries whole numbers as integers, which have no negative zero: −0 + 0 is 0.
const figure = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const capabilities = fc.record({
  sft: fc.boolean(),
  stages: fc.boolean(),
  lora: fc.boolean(),
  critic: fc.boolean(),
  prefix_baseline: fc.boolean(),
  ema: fc.boolean(),
  checkpoint: fc.boolean(),
  completions: fc.boolean(),
  kl_loss: fc.boolean(),
  bitwise: fc.boolean(),
  common_random_numbers: fc.boolean(),
  distributed: fc.boolean(),
  harness: fc.boolean(),
});
/** `__proto__` is a key that the decoder refuses. */
const key = text.filter((name) => name !== "__proto__");
const declared = fc.dictionary(key, fc.record({ unit: text, description: text }));
const bound = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }));
const limit = fc.record({
  key: text,
  when: fc.dictionary(key, fc.oneof(text, fc.boolean())),
  trains: fc.boolean(),
  allowed: fc.option(fc.array(text)),
  minimum: bound,
  maximum: bound,
  pattern: fc.option(text),
  why: text,
});
/** Every message of a worker that the schema allows, as plain values. */
const fromWorker: fc.Arbitrary<FromWorker> = fc.oneof(
  fc.record({
    kind: fc.constant("hello" as const),
    protocol: fc.constant(PROTOCOL_VERSION),
    session: text,
    pid: count,
    host: text,
    engine: text,
    version: text,
    capabilities,
    engine_options: fc.dictionary(key, fc.oneof(text, fc.boolean(), fc.dictionary(key, text))),
    limits: fc.array(limit),
    figures: fc.record({ update: declared, evaluate: declared, stage: declared }),
  }),
  fc.record({
    kind: fc.constant("progress" as const),
    session: text,
    id: count,
    phase: text,
    done: count,
    total: count,
    unit: text,
    loss: bound,
  }),
  fc.record({
    kind: fc.constant("failure" as const),
    session: text,
    id: fc.option(count),
    error: fc.constantFrom("protocol", "input", "memory", "diverged", "internal"),
    message: text,
    key: fc.option(text),
    detail: fc.option(text),
  }),
  fc.record({
    kind: fc.constant("reply" as const),
    session: text,
    id: count,
    result: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(figure, text, count)),
  }),
);

function faultOf(action: () => unknown): ProtocolFault {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolFault);
    return error as ProtocolFault;
  }
  return expect.unreachable("this should have been refused");
}

describe("requests", () => {
  test("come out whole", () => {
    const bytes = encodeRequest("s", 4, "load", builtinLoad);
    expect(request.parse(decode(bytes))).toEqual({
      kind: "request",
      protocol: PROTOCOL_VERSION,
      session: "s",
      id: 4,
      command: "load",
      payload: builtinLoad,
    });
  });

  test.each([
    [
      "a missing field",
      { seed: 1, kl_coefficient: 0 },
      /payload of `rollout`: field `prompts` is missing/,
    ],
    ["undefined", { prompts: undefined, seed: 1, kl_coefficient: 0 }, /field `prompts` is missing/],
    [
      "an unknown field",
      {
        prompts: uint32Bytes([1]),
        completions: 1,
        condition: null,
        seed: 1,
        kl_coefficient: 0,
        beta: 1,
      },
      /unknown field `beta`/,
    ],
    [
      "a wrong type",
      { prompts: [1], seed: 1, kl_coefficient: 0 },
      /field `prompts`: expected bytes/,
    ],
    [
      "NaN",
      {
        prompts: uint32Bytes([1]),
        completions: 1,
        condition: null,
        seed: 1,
        kl_coefficient: Number.NaN,
      },
      /`kl_coefficient` is NaN, expected a finite number/,
    ],
    [
      "a fraction",
      { prompts: uint32Bytes([1]), completions: 1, condition: null, seed: 1.5, kl_coefficient: 0 },
      /field `seed`: .*int/,
    ],
  ])("%s is refused, with the field's path", (_, payload, expected) => {
    const fault = faultOf(() => encodeRequest("s", 1, "rollout", payload as Payload<"rollout">));
    expect(fault.message).toMatch(expected);
    expect(fault.id).toBe(1);
  });

  test("a field that may be one of several is told with all of them", () => {
    const [reward] = builtinLoad.rewards;
    const rewards = [{ ...reward, scorer: { ...reward!.scorer, sign: 0 } }];
    const wrong = { ...builtinLoad, rewards } as unknown as Payload<"load">;
    const fault = faultOf(() => encodeRequest("s", 1, "load", wrong));
    expect(fault.message).toMatch(
      /field `rewards\.0\.scorer\.sign`: .*expected 1, or .*expected -1/,
    );
  });

  test("many wrong fields are counted, not listed", () => {
    const payload = { ...builtinLoad, training: {}, rollout: {} } as unknown as Payload<"load">;
    expect(faultOf(() => encodeRequest("s", 1, "load", payload)).message).toMatch(
      /`rollout\.new_tokens` is missing; .*; and \d+ more$/,
    );
  });
});

describe("messages of the worker", () => {
  test("any of them come back as they were", () => {
    fc.assert(
      fc.property(fromWorker, (message) => {
        expect(decodeMessage(encode(message))).toEqual(message);
      }),
    );
  });

  test("any bytes give a message or a fault, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolFault);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("a message with a few bytes changed gives a message or a fault, and nothing else", () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        fromWorker,
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (message, changes) => {
          const bytes = encode(message).slice();
          for (const { at, to } of changes) {
            bytes[at % bytes.length] = to;
          }
          try {
            decodeMessage(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolFault);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("every prefix of a message is a fault", () => {
    fc.assert(
      fc.property(fromWorker, fc.nat(), (message, at) => {
        const bytes = encode(message);
        faultOf(() => decodeMessage(bytes.subarray(0, at % bytes.length)));
      }),
    );
  });

  test("more than 256 MiB is refused unread", () => {
    // Untouched zero pages: costs address space, not memory.
    const bytes = new Uint8Array(MAX_MESSAGE_BYTES + 1);
    expect(faultOf(() => decodeMessage(bytes)).message).toContain("256 MiB");
  });

  test("a length that promises gigabytes is refused before they are reserved", () => {
    for (const header of [0xdd, 0xdf, 0xc6, 0xdb]) {
      const bytes = Uint8Array.of(header, 0xff, 0xff, 0xff, 0xff, 1, 2, 3);
      expect(faultOf(() => decodeMessage(bytes)).message).toContain("no MessagePack");
    }
  });

  test.each([
    ["a list", [1], /no map/],
    ["nil", null, /no map/],
    ["no kind", { session: "s" }, /field `kind`/],
    ["an unknown kind", { kind: "hallo" }, /field `kind`/],
    [
      "an unknown field",
      { kind: "progress", session: "s", id: 7, phase: "x", done: 1, total: 1, unit: "x", eta: 3 },
      /unknown field `eta`/,
    ],
    [
      "an unknown error kind",
      { kind: "failure", session: "s", id: 7, error: "odd", message: "", key: null, detail: null },
      /field `error`/,
    ],
  ])("%s is a fault", (_, message, expected) => {
    expect(faultOf(() => decodeMessage(encode(message))).message).toMatch(expected);
  });

  test("a fault knows which request it belongs to, where that can be read", () => {
    const reply = { kind: "reply", session: "s", id: 7, result: {}, surprise: 1 };
    expect(faultOf(() => decodeMessage(encode(reply))).id).toBe(7);
    expect(faultOf(() => decodeMessage(encode({ ...reply, id: -7 }))).id).toBeNull();
    expect(faultOf(() => decodeMessage(encode({ ...reply, id: "7" }))).id).toBeNull();
  });

  test.each([
    [
      PROTOCOL_VERSION + 1,
      "9.9",
      "controller is older; `npm install --global averse@9.9` here, or",
    ],
    [PROTOCOL_VERSION - 1, "0.0.1", `worker is older; \`python -m pip install ${worker}\` where`],
    [PROTOCOL_VERSION - 1, RELEASE, "bring the checkouts of both to the same commit"],
    [null, "9.9", `names no version; \`python -m pip install ${worker}\``],
    ["1", "9.9", "names no version"],
  ])(
    "a hello of version %s of %s: checked before its other fields",
    (protocol, version, expected) => {
      const hello = { kind: "hello", protocol, version, altogether: "other fields" };
      const fault = faultOf(() => decodeMessage(encode(hello)));
      expect(fault).toBeInstanceOf(VersionFault);
      expect(fault.message).toContain(expected);
      expect(fault.message).toContain(`averse_worker ${version}`);
    },
  );

  test("the controller's release is what its packages say", () => {
    const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
    expect(JSON.parse(read("package.json")).version).toBe(RELEASE);
    expect(/^version = "(.+)"$/m.exec(read("pyproject.toml"))?.[1]).toBe(RELEASE);
    expect(/^__version__ = "(.+)"$/m.exec(read("python/averse_worker/__init__.py"))?.[1]).toBe(
      RELEASE,
    );
  });
});

const { figures } = helloMessage;

describe("results", () => {
  const payload = {
    prompts: uint32Bytes([3, 1]),
    completions: 1,
    condition: null,
    seed: 1,
    kl_coefficient: 0,
  };
  const result = {
    rollout: 1,
    reward: float32Bytes([1, 2]),
    trained: [float32Bytes([1, 2])],
    kl: float32Bytes([0, 0]),
    return: float32Bytes([1, 2]),
    lambda_return: float32Bytes([1, 2]),
    length: uint32Bytes([4, 5]),
    components: [{ name: "reward", scores: float32Bytes([1, 2]), failures: [] }],
    entropy: 3,
    tokens: 9,
    seconds: { sample: 1, reference: 1, reward: 0 },
  };
  const check = (changes: object) =>
    checkedResult("rollout", payload, 5, { ...result, ...changes }, figures);

  test("a right one passes", () => {
    expect(check({})).toEqual(result);
  });

  test("NaN or infinity as a figure has diverged; the protocol was kept", () => {
    const fault = faultOf(() => check({ entropy: Number.NaN }));
    expect(fault).toMatchObject({ id: 5, diverged: true });
    expect(fault.message).toContain("field `entropy` is NaN");
    const deep = faultOf(() => check({ seconds: { ...result.seconds, sample: -Infinity } }));
    expect(deep.diverged).toBe(true);
    expect(deep.message).toContain("field `seconds.sample` is -Infinity");
  });

  test("NaN beside another fault is a fault", () => {
    expect(faultOf(() => check({ entropy: Number.NaN, extra: 1 })).diverged).toBe(false);
    expect(faultOf(() => check({ entropy: Number.NaN, tokens: -1 })).diverged).toBe(false);
  });

  test("NaN in a per-episode array is left to the caller", () => {
    const reward = new Uint8Array(Float32Array.of(1, Number.NaN).buffer);
    expect(float32Array(check({ reward }).reward)[1]).toBeNaN();
  });

  test.each([
    ["too short", { kl: float32Bytes([0]) }, /`kl` has 4 bytes; expected 8/],
    ["torn", { kl: new Uint8Array(7) }, /`kl` has 7 bytes; expected 8/],
    ["too long", { length: uint32Bytes([1, 2, 3]) }, /`length` has 12 bytes; expected 8/],
    ["of an empty completion", { length: uint32Bytes([4, 0]) }, /`length` is 0 for episode 1; /],
  ])("an array that is %s is a fault", (_, changes, expected) => {
    const fault = faultOf(() => check(changes));
    expect(fault.message).toMatch(expected);
    expect(fault.diverged).toBe(false);
  });

  test("a rollout of several completions has an entry per completion", () => {
    const twice = { ...payload, prompts: uint32Bytes([3]), completions: 2 };
    expect(checkedResult("rollout", twice, 5, result, figures)).toEqual(result);
    const more = { ...payload, completions: 2 };
    expect(faultOf(() => checkedResult("rollout", more, 5, result, figures)).message).toMatch(
      /`reward` has 8 bytes; expected 16 \(4 bytes per episode\)/,
    );
  });

  test("a component's scores are as many as the episodes", () => {
    const components = [{ name: "reward", scores: float32Bytes([1]), failures: [] }];
    expect(faultOf(() => check({ components })).message).toContain(
      "`components.0.scores` has 4 bytes; expected 8",
    );
  });

  test("what is trained on is one array per component, an entry per episode each", () => {
    const one = float32Bytes([1, 2]);
    expect(faultOf(() => check({ trained: [one, one] })).message).toContain(
      "`trained` has 2 arrays; expected 1, one per component",
    );
    expect(faultOf(() => check({ trained: [float32Bytes([1])] })).message).toContain(
      "`trained.0` has 4 bytes; expected 8",
    );
  });

  const updated = (changes: object, answer: object) =>
    checkedResult("update", { ...plainUpdate(1, null), ...changes }, 5, answer, figures);
  const answer = {
    figures: { loss_policy: 1 },
    gradient_steps: 1,
    episodes: 3,
    tokens: 1,
    memory_bytes: 0,
    gpu: null,
    seconds: 0,
  };

  test.each([
    [{ weights: float32Bytes([0, 0.5, 2, 0, 1]) }],
    [{ advantages: float32Bytes([0, -0.5, 2, 0, 1]) }],
    [{ advantages: float32Bytes([0, -0.5, 0, 0]), kl_weights: float32Bytes([1, 1, 3, 0]) }],
  ])("an update is of the episodes that take part: %o", (arrays) => {
    expect(updated(arrays, answer).episodes).toBe(3);
    expect(faultOf(() => updated(arrays, { ...answer, episodes: 5 })).message).toBe(
      "result of `update`: field `episodes` is 5; expected 3: so many have a weight, an " +
        "advantage or a KL weight",
    );
  });

  test("a figure that the engine did not declare is a fault, NaN in one a divergence", () => {
    const arrays = { weights: float32Bytes([1, 1, 1]) };
    const surprise = { ...answer, figures: { loss_policy: 1, luck: 2 } };
    expect(faultOf(() => updated(arrays, surprise)).message).toContain("`figures.luck`");
    const nan = faultOf(() => updated(arrays, { ...answer, figures: { loss_policy: NaN } }));
    expect(nan.diverged).toBe(true);
    expect(nan.message).toContain("field `figures.loss_policy` is NaN");
  });

  test("prompt scores are one per prompt and component", () => {
    const asked = { split: "train", prompts: uint32Bytes([1, 2]), known: null } as const;
    const scored = (scores: number[]) => ({
      combined: float32Bytes([1, 2]),
      components: [{ name: "reward", scores: float32Bytes(scores) }],
      seconds: 0,
    });
    const checking = (scores: number[]) =>
      checkedResult("score_prompts", asked, 5, scored(scores), figures);
    expect(checking([1, 2])).toEqual(scored([1, 2]));
    expect(faultOf(() => checking([1])).message).toContain(
      "`components.0.scores` has 4 bytes; expected 8 (4 bytes per prompt)",
    );
  });

  const failure = (...episodes: number[]) => ({
    kind: "timeout",
    message: "late",
    episodes: uint32Bytes(episodes),
  });

  const failing = (failures: object[]) => ({
    components: [{ name: "reward", scores: float32Bytes([1, 2]), failures }],
  });

  test("failed rewards name episodes that exist, each once", () => {
    const reward = float32Bytes([1, 2], new Set([1]));
    const changes = { reward, ...failing([failure(1)]) };
    expect(check(changes).components[0]!.failures).toEqual([failure(1)]);
  });

  test.each([
    ["beyond the batch", [failure(0), failure(2)], /failures\.1\.episodes` names episode 2 of 2/],
    ["named twice", [failure(0), failure(1, 0)], /failures\.1\.episodes` names episode 0 twice/],
    ["torn", [{ ...failure(0), episodes: new Uint8Array(5) }], /has 5 bytes; expected a multiple/],
    ["of an unknown kind", [{ ...failure(0), kind: "whim" }], /`components\.0\.failures\.0\.kind`/],
  ])("a failed reward %s is a fault", (_, failures, expected) => {
    const fault = faultOf(() => check(failing(failures)));
    expect(fault.message).toMatch(expected);
    expect(fault.diverged).toBe(false);
  });

  test("no result at all", () => {
    expect(faultOf(() => checkedResult("ping", {}, 1, undefined, figures)).message).toContain(
      "result of `ping`",
    );
  });
});

describe("texts", () => {
  const payload = { rollout: 1, episodes: uint32Bytes([4, 0]) };
  const of = (...episodes: number[]) => ({
    texts: episodes.map((episode) => ({ episode, prompt: "a", completion: "b" })),
  });

  test("of the episodes asked for pass, whatever is written in them", () => {
    expect(checkedResult("texts", payload, 5, of(4, 0), figures)).toEqual(of(4, 0));
    const [first, second] = of(4, 0).texts;
    const odd = { texts: [{ ...first, completion: "\u001b[2J\ud800\0" }, second] };
    expect(checkedResult("texts", payload, 5, odd, figures)).toEqual(odd);
  });

  test.each([[[4]], [[0, 4]], [[4, 0, 1]], [[]]])("of the episodes %j are a fault", (episodes) => {
    const fault = faultOf(() => checkedResult("texts", payload, 5, of(...episodes), figures));
    expect(fault.message).toContain("expected 4, 0");
  });
});

describe("arrays", () => {
  const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });

  test("float32 there and back, at any offset of a message", () => {
    fc.assert(
      fc.property(fc.array(float32), fc.nat({ max: 7 }), (values, offset) => {
        const packed = float32Bytes(values);
        const message = new Uint8Array(offset + packed.length);
        message.set(packed, offset);
        expect([...float32Array(message.subarray(offset))]).toEqual(values.map((value) => value));
      }),
    );
  });

  test("failed ones go out as NaN, whatever they were, and the others as they are", () => {
    const packed = float32Bytes([1, Infinity, 3, Number.NaN], new Set([1, 3]));
    expect([...float32Array(packed)]).toEqual([1, Number.NaN, 3, Number.NaN]);
    const refused = () => float32Bytes([1, Infinity, 3, Number.NaN], new Set([3]));
    expect(faultOf(refused).message).toContain("value 1 is Infinity");
  });

  test("uint32 there and back", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0xffff_ffff })), (values) => {
        expect([...uint32Array(uint32Bytes(values))]).toEqual(values);
      }),
    );
  });

  test("the bytes are little-endian", () => {
    expect([...uint32Bytes([0x0102_0304])]).toEqual([4, 3, 2, 1]);
    expect([...float32Bytes([1])]).toEqual([0, 0, 0x80, 0x3f]);
  });

  test("what is unpacked lives on when the message changes", () => {
    const bytes = float32Bytes([1, 2]);
    const values = float32Array(bytes);
    bytes.fill(0);
    expect([...values]).toEqual([1, 2]);
    // A pooled Buffer as the socket gives it: its slices share memory.
    const message = Buffer.from(encode({ a: float32Bytes([3]) }));
    const { a } = decode(message) as { a: Uint8Array };
    const copy = float32Array(a);
    message.fill(0);
    expect([...copy]).toEqual([3]);
  });

  test.each([
    [() => float32Bytes([0, Number.NaN]), "value 1 is NaN"],
    [() => float32Bytes([1e39]), "value 0 is 1e+39"],
    [() => uint32Bytes([1, -1]), "value 1 is -1"],
    [() => uint32Bytes([2 ** 32]), "value 0 is 4294967296"],
    [() => uint32Bytes([0.5]), "value 0 is 0.5"],
    [() => float32Array(new Uint8Array(6)), "6 bytes, expected a multiple of 4"],
    [() => uint32Array(new Uint8Array(3)), "3 bytes, expected a multiple of 4"],
  ])("%o is refused", (action, expected) => {
    expect(faultOf(action).message).toContain(expected);
  });
});
