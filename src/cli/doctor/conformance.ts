/** `averse doctor --conformance --backend NAME`: every clause of a worker's contract on a backend. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { atExit } from "../../system/exit-cleanup.js";
import { formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { conformanceClauses } from "../../worker/conformance/clauses/all.js";
import { type ClauseResult, runConformance } from "../../worker/conformance/conformance.js";
import type { Worker } from "../../worker/contract.js";
import { openSession } from "../../worker/session.js";
import { readWorkerSpec, runsHere } from "../../worker/spec.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { packageRoot } from "../machine/package.js";
import type { Terminal } from "../terminal.js";

export interface DoctorConformanceOptions {
  /** What a worker elsewhere writes lies here: it shares this folder. */
  readonly runs: string;
  readonly json: boolean;
}

/**
 * Prints each clause as it is done.
 *
 * @param backend name or path, as in `backend.worker`
 * @returns `verification` where a clause fails
 * @throws {ConfigError} its file is missing or wrong
 * @throws {WorkerLost} {EnvironmentError} it does not start
 */
export async function doctorConformance(
  backend: string,
  { runs, json }: DoctorConformanceOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const spec = readWorkerSpec(backend, packageRoot);
  const parent = runsHere(spec) ? tmpdir() : resolve(runs);
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "averse-conformance-"));
  const removed = atExit(() => rmSync(folder, { recursive: true, force: true }));
  let hello: Worker["hello"] | null = null;
  const results = await runConformance(
    async () => {
      const worker = await openSession(spec, {
        root: packageRoot,
        shared: [folder],
        onWaiting: (state) => terminal.err(`waiting: ${safeText(state)}`),
      });
      if (hello === null && !json) terminal.out(headText(worker.hello));
      hello = worker.hello;
      return worker;
    },
    {
      device: "auto",
      folder,
      clock: () => performance.now() / 1000,
      onResult: (result) => {
        if (!json) terminal.out(resultText(result, terminal));
      },
    },
  ).finally(() => {
    rmSync(folder, { recursive: true, force: true });
    removed();
  });
  const ok = results.every(({ outcome }) => outcome !== "failed");
  terminal.out(
    json ? JSON.stringify({ ok, backend: factsOf(hello!), clauses: results }) : sumText(results),
  );
  return ok ? exitCode.done : exitCode.verification;
}

function factsOf({ engine, version, protocol, capabilities }: Worker["hello"]): object {
  return { engine, version, protocol, capabilities };
}

function headText({ engine, version, protocol }: Worker["hello"]): string {
  const facts = `engine ${safeText(engine)}, worker ${safeText(version)}, protocol ${protocol}`;
  return `${facts}: ${conformanceClauses.length} clauses`;
}

/** What was seen stands beneath a clause that failed. */
function resultText(
  { id, title, outcome, seen, seconds }: ClauseResult,
  terminal: Terminal,
): string {
  const [good, bad, neutral] = terminal.unicode ? ["✓", "✗", "·"] : ["ok", "NO", "-"];
  const mark = { passed: good, failed: bad, "not applicable": neutral }[outcome];
  const line = `${mark} ${id.padEnd(widest)}  ${title}`;
  if (outcome === "passed") return `${line} (${formatNumber(seconds, 1)} s)`;
  if (outcome === "not applicable") return `${line}: not applicable, ${seen}`;
  return `${line}\n    seen: ${safeText(seen!)}`;
}

const widest = Math.max(...conformanceClauses.map(({ id }) => id.length));

function sumText(results: readonly ClauseResult[]): string {
  const count = (wanted: ClauseResult["outcome"]) =>
    results.filter(({ outcome }) => outcome === wanted).length;
  const failed = count("failed");
  const parts = [`${count("passed")} passed`, `${failed} failed`];
  const remedy =
    failed === 0 ? "" : ". src/protocol/README.md says what each command and capability promises.";
  return `${parts.join(", ")}, ${count("not applicable")} not applicable${remedy}`;
}
