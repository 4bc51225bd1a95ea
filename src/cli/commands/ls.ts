/** `averse ls`: the runs, newest first. */

import type { RunSummary } from "../../run-model/run-summary.js";
import { listRuns } from "../../store/run-list.js";
import { gridLines, terminalStyle } from "../../text/grid.js";
import { formatDuration, formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { truncate } from "../../text/width.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { checkRunsFolder } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

export interface ListOptions {
  readonly runs: string;
  readonly json: boolean;
}

export async function ls(options: ListOptions, terminal: Terminal): Promise<ExitCode> {
  checkRunsFolder(options.runs);
  const runs = await listRuns(options.runs);
  if (options.json) {
    terminal.out(JSON.stringify(runs));
    return exitCode.done;
  }
  if (runs.length === 0) {
    terminal.err(`No runs in ${options.runs}. Start one with \`averse run quickstart\`.`);
    return exitCode.done;
  }
  const title = ["run", "state", "started", "trials", "iteration", "left", "CVaR", "purpose"];
  const rows = runs.map((run) => cells(run, terminal));
  const [head = "", ...lines] = gridLines(
    [title, ...rows],
    ["left", "left", "left", "right", "left", "right", "right", "left"],
  );
  terminal.out(
    [
      terminalStyle(terminal.color).bold(clipped(head, terminal)),
      ...lines.map((line) => clipped(line, terminal)),
    ].join("\n"),
  );
  return exitCode.done;
}

function cells(run: RunSummary, { unicode }: Terminal): string[] {
  const of = run.iterations === null ? "" : `/${run.iterations}`;
  const step = run.trial === null ? "" : `${run.trial} ${run.step}${of}`;
  const started = run.started === null ? "" : run.started.slice(0, 16).replace("T", " ");
  return [
    run.id,
    run.state,
    started,
    `${run.trialsDone}/${run.trials}`,
    step,
    run.etaSeconds === null ? "" : formatDuration(run.etaSeconds),
    run.cvar === null ? "" : formatNumber(run.cvar, 2, { unicode }),
    safeText(isIll(run) ? (run.message ?? "") : aboutOf(run)),
  ];
}

/** What was written about it, then its purpose. */
function aboutOf({ title, tags, purpose }: RunSummary): string {
  return [title, ...tags.map((tag) => `#${tag}`), purpose].filter((part) => part !== "").join("  ");
}

/** Why is of more use than what it is for. */
function isIll({ state }: RunSummary): boolean {
  return state === "damaged" || state === "incompatible" || state === "failed";
}

/** Off a terminal nothing is lost; on one, a long purpose is no reason to break lines. */
function clipped(line: string, { isTty, columns, unicode }: Terminal): string {
  return isTty ? truncate(line, columns, unicode ? "…" : "~") : line;
}
