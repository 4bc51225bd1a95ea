import { fileURLToPath } from "node:url";
import { describe } from "vitest";
import { openSession } from "../../src/worker/session.js";
import { readWorkerSpec } from "../../src/worker/spec.js";
import { workerContract } from "./contract.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("session with the fake engine", () => {
  workerContract(() => openSession(readWorkerSpec("fake", root), { root }));
});
