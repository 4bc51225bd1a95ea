/**
 * What every worker keeps to, one clause each: the tests of this repository and
 * `averse doctor --conformance` run the same ones. What a worker has not declared decides which
 * clauses apply to it; its engine's name does not.
 */
import type { Capabilities } from "../../protocol/messages.js";
import type { Bench } from "./bench.js";

export interface Clause {
  /** Stays the same, so that reports compare: `rollout-order`. */
  readonly id: string;
  /** What the worker does, one line. */
  readonly title: string;
  /** Capabilities without which it does not apply. */
  readonly needs: readonly (keyof Capabilities)[];
  /**
   * @throws {Breach} the worker did otherwise
   * @throws {WorkerFailure} it refused or failed what it should do
   * @throws {WorkerLost} it did not survive
   */
  readonly check: (bench: Bench) => Promise<void>;
}

/** What it does not declare of what a clause needs; empty: the clause applies. */
export function missingCapabilities({ needs }: Clause, has: Capabilities): (keyof Capabilities)[] {
  return needs.filter((name) => !has[name]);
}
