/** The conformance suite on one backend, as `averse doctor --conformance` runs it. */
import { ProtocolFault } from "../../protocol/fault.js";
import { type Worker, WorkerFailure, WorkerLost } from "../contract.js";
import { Bench } from "./bench.js";
import { Breach } from "./breach.js";
import { type Clause, missingCapabilities } from "./clause.js";
import { conformanceClauses } from "./clauses/all.js";

export interface ClauseResult {
  readonly id: string;
  readonly title: string;
  readonly outcome: "passed" | "failed" | "not applicable";
  /** What was seen where it failed; which capability is not declared where it does not apply. */
  readonly seen: string | null;
  readonly seconds: number;
}

export interface ConformanceOptions {
  /** As in `backend.device`. */
  readonly device: string;
  /** For what the worker writes, which it must reach under the same path; it is not emptied. */
  readonly folder: string;
  /** Seconds. */
  readonly clock: () => number;
  readonly onResult?: (result: ClauseResult) => void;
  readonly clauses?: readonly Clause[];
}

/**
 * Runs every clause on one worker. A worker that is lost in a clause is replaced for the next.
 *
 * @param open starts a worker
 * @throws {WorkerLost} {EnvironmentError} the first worker, or one in place of a lost one, does not start
 */
export async function runConformance(
  open: () => Promise<Worker>,
  { device, folder, clock, onResult, clauses = conformanceClauses }: ConformanceOptions,
): Promise<ClauseResult[]> {
  const results: ClauseResult[] = [];
  let bench = new Bench(await open(), folder, device);
  try {
    for (const clause of clauses) {
      const began = clock();
      const { isLost, ...outcome } = await outcomeOf(clause, bench);
      const { id, title } = clause;
      const result = { id, title, ...outcome, seconds: clock() - began };
      results.push(result);
      onResult?.(result);
      if (isLost && clause !== clauses.at(-1)) {
        await bench.worker.close();
        bench = new Bench(await open(), folder, device);
      }
    }
    return results;
  } finally {
    await bench.worker.close();
  }
}

type Outcome = Pick<ClauseResult, "outcome" | "seen"> & { readonly isLost: boolean };

async function outcomeOf(clause: Clause, bench: Bench): Promise<Outcome> {
  const lacks = missingCapabilities(clause, bench.capabilities);
  if (lacks.length > 0) {
    const seen = `${lacks.join(", ")} not declared`;
    return { outcome: "not applicable", seen, isLost: false };
  }
  try {
    await clause.check(bench);
    return { outcome: "passed", seen: null, isLost: false };
  } catch (error) {
    const seen = seenIn(error);
    if (seen === null) throw error;
    return { outcome: "failed", seen, isLost: error instanceof WorkerLost };
  }
}

/** @returns null: not the worker's doing */
function seenIn(error: unknown): string | null {
  if (error instanceof Breach || error instanceof WorkerLost) return error.message;
  if (error instanceof ProtocolFault) return error.message;
  return error instanceof WorkerFailure
    ? `\`${error.command}\` failed (${error.kind}): ${error.message}`
    : null;
}
