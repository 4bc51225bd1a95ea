/** What an engine's hello excludes of an experiment. */
import { expect, test } from "vitest";
import { planTrials } from "../../../src/config/trials.js";
import { engineViolations } from "../../../src/engine/actions/engine-fit.js";
import type { Limit } from "../../../src/protocol/messages.js";
import { helloMessage } from "../../worker/hello.js";
import { type ExperimentChanges, smallExperiment } from "../experiments.js";

const unlimited: Limit = {
  ...{ key: "backend.dtype", when: {}, trains: false, why: "it cannot" },
  ...{ allowed: null, minimum: null, maximum: null, pattern: null },
};

function refusedBy(limit: Partial<Limit>, changes: ExperimentChanges = {}, arm = "rlhf") {
  const experiment = smallExperiment({ arms: { sft: {}, rlhf: {} }, ...changes });
  const trial = planTrials(experiment).find((one) => one.arm === arm)!;
  const properties = { mode: { type: "string", default: "plain" }, level: { type: "number" } };
  return engineViolations(experiment, trial, {
    ...helloMessage,
    engine_options: { type: "object", properties, additionalProperties: false },
    limits: [{ ...unlimited, ...limit }],
  });
}

test("a limit is told with the key, what is expected and why, and what to do", () => {
  const allowed = ["float32", "bfloat16"];
  expect(refusedBy({ allowed })).toEqual([]);
  expect(refusedBy({ allowed }, { backend: { dtype: "float16" } })).toEqual([
    {
      keys: ["backend.dtype", "backend.worker"],
      found: "backend.dtype float16",
      expected: "float32 or bfloat16: it cannot",
      remedy: "Set backend.dtype to float32 or bfloat16, or use another backend.",
    },
  ]);
});

test.each<[Partial<Limit>, NonNullable<ExperimentChanges["training"]>, string | null]>([
  [{ minimum: 16 }, { batch: 16 }, null],
  [{ minimum: 17 }, { batch: 16 }, "17 or more: it cannot"],
  [{ maximum: 15 }, { batch: 16 }, "15 or less: it cannot"],
  [{ minimum: 2, maximum: 4 }, { batch: 16 }, "2 to 4: it cannot"],
  [{ pattern: "^1" }, { batch: 16 }, null],
  [{ pattern: "^2" }, { batch: 16 }, "another: it cannot"],
])("%j of %j", (limit, training, expected) => {
  const found = refusedBy({ key: "training.batch", ...limit }, { training });
  expect(found.map((one) => one.expected)).toEqual(expected === null ? [] : [expected]);
});

test("one on training holds for no trial without iterations", () => {
  const limit = { key: "training.batch", minimum: 100, trains: true };
  expect(refusedBy(limit)).toHaveLength(1);
  expect(refusedBy(limit, {}, "sft")).toEqual([]);
});

test("conditions count with the defaults of the engine's options", () => {
  const limit = { allowed: [], when: { "backend.engine_options.mode": "plain" } };
  expect(refusedBy(limit)[0]!.remedy).toBe(
    "Leave backend.dtype out, change backend.engine_options.mode, or use another backend.",
  );
  const other = { backend: { engine_options: { mode: "other" } } };
  expect(refusedBy(limit, other)).toEqual([]);
  const level = { key: "backend.engine_options.level", allowed: [] };
  expect(refusedBy(level)).toEqual([]);
  expect(refusedBy(level, { backend: { engine_options: { level: 1 } } })).toHaveLength(1);
});

test("what follows from the algorithm counts as it is sent", () => {
  const limit = { key: "training.loss_aggregation", allowed: ["seq-mean-token-sum"] };
  const rloo = { training: { algorithm: "rloo", completions: 2 } } as const;
  expect(refusedBy(limit, rloo)).toEqual([]);
  expect(refusedBy(limit)[0]!.found).toBe("training.loss_aggregation token-mean");
});

test("every unknown option is told with the options that there are", () => {
  const engine_options = { spede: 1, level: "high" };
  const found = refusedBy({}, { backend: { engine_options } });
  expect(found.map(({ keys }) => keys[0])).toEqual([
    "backend.engine_options.level",
    "backend.engine_options.spede",
  ]);
  expect(found[0]!.expected).toContain('"default":"plain"');
});
