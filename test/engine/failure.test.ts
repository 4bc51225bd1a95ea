import { expect, test } from "vitest";
import { failureFacts, TrialError } from "../../src/engine/failure.js";
import { EnvironmentError, WorkerFailure, WorkerLost } from "../../src/worker/contract.js";

test.each([
  [
    "a worker's refusal, with its key",
    new WorkerFailure("load", "input", "no such label", "reward.label", "traceback"),
    { reason: "input", message: "no such label (key: reward.label)", detail: "traceback" },
  ],
  [
    "a key that the message names already",
    new WorkerFailure("load", "input", "reward.label: none", "reward.label", null),
    { reason: "input", message: "reward.label: none", detail: null },
  ],
  [
    "a lost worker, with its last words",
    new WorkerLost("gone", "exited", ["one", "two"]),
    { reason: "lost", message: "gone", detail: "one\ntwo" },
  ],
  ["our own", new TrialError("diverged", "NaN"), { reason: "diverged", message: "NaN" }],
  [
    "the file system's",
    Object.assign(new Error("ENOSPC: full"), { code: "ENOSPC" }),
    { reason: "environment", message: "ENOSPC: full" },
  ],
  [
    "a machine without a place for a worker",
    new EnvironmentError("the port is taken"),
    { reason: "environment", message: "the port is taken" },
  ],
  ["a bug", new TypeError("oops"), { reason: "internal", message: "oops" }],
  ["no error at all", "text", { reason: "internal", message: "text", detail: null }],
])("%s", (_, error, facts) => {
  expect(failureFacts(error)).toMatchObject(facts);
});
