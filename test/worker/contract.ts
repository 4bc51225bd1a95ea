/** The clauses that `averse doctor --conformance` runs, one test each, on any `Worker`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { Bench } from "../../src/worker/conformance/bench.js";
import { missingCapabilities } from "../../src/worker/conformance/clause.js";
import { conformanceClauses } from "../../src/worker/conformance/clauses/all.js";
import type { Worker } from "../../src/worker/contract.js";

export function workerContract(open: () => Promise<Worker>): void {
  describe("contract of a worker", () => {
    let bench: Bench;
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "averse-contract-"));
      bench = new Bench(await open(), folder, "cpu");
    });
    afterAll(async () => {
      await bench.worker.close();
      rmSync(folder, { recursive: true });
    });

    for (const clause of conformanceClauses) {
      test(clause.title, async ({ skip }) => {
        const lacks = missingCapabilities(clause, bench.capabilities);
        skip(lacks.length > 0, `${lacks.join(", ")} not declared`);
        await clause.check(bench);
      });
    }
  });
}
