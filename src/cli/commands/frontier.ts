/** `averse frontier`: final policies over β, of one run or several, compared at equal KL. */
import { existsSync, statSync } from "node:fs";
import { basename, isAbsolute } from "node:path";
import { curveDifferences, neutralCurve } from "../../analysis/equal-kl/curve-differences.js";
import {
  curveNames,
  mergedTables,
  PolicyConflict,
  type PolicyTable,
  policyTableSchema,
  tableOfPolicies,
  tableText,
} from "../../analysis/equal-kl/policy-table.js";
import { runPolicies } from "../../analysis/equal-kl/run-policies.js";
import { differencesTable, policiesTable } from "../../report/frontier/frontier-tables.js";
import { overlapWords, policyWords, readingWords } from "../../report/frontier/frontier-words.js";
import { readCheckedJson } from "../../store/json-files.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { writeDurably } from "../../system/durable-files.js";
import { sha256Of } from "../../system/sha256.js";
import { terminalStyle } from "../../text/grid.js";
import { wrapText } from "../../text/width.js";
import { recordedCommand, shellLine } from "../command-line.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";
import { figuresOfRun, scaleOfRecord } from "../lookup/stored-run.js";
import { printedTable } from "../printed-table.js";
import { refuseRunFolder, writeReportFolder } from "../report-folder.js";
import type { Terminal } from "../terminal.js";

export interface FrontierOptions {
  readonly runs: string;
  readonly json: boolean;
  /** Curves that are compared, commas between; default: all. What all start from stays. */
  readonly arms?: string;
  /** Curve that the others are held against; default: the first risk-neutral one. */
  readonly against?: string;
  /** File that the policies are written to. */
  readonly table?: string;
  /** Folder that a report is written to. */
  readonly report?: string;
  readonly argv: readonly string[];
}

/** @param names runs, and tables that an earlier call has written */
export async function frontier(
  names: readonly string[],
  options: FrontierOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const table = chosen(merged(names.map((name) => tableOf(name, options.runs))), options.arms);
  if (table.policies.length === 0) {
    throw new UserError("no final policy: none of the trials has been evaluated at its end.");
  }
  const against = curveAgainst(table, options.against);
  const differences = curveDifferences(table.policies, against);
  const command = shellLine(recordedCommand(options.argv, process.env));
  const written = [
    ...(options.table === undefined ? [] : [writtenTable(options.table, table)]),
    ...(options.report === undefined
      ? []
      : await writtenReport(options.report, { table, against, command })),
  ];
  if (options.json) {
    terminal.out(JSON.stringify({ against, differences, ...table, written }));
    return exitCode.done;
  }
  const { unicode, columns, color } = terminal;
  const style = terminalStyle(color);
  const parts = [
    [policyWords(table)],
    printedTable(policiesTable(table.policies, { unicode }), terminal),
    ...(differences.length === 0
      ? [["Nothing to compare: there is one arm."]]
      : [
          [
            style.bold(`minus ${against}, at equal KL`),
            ...printedTable(differencesTable(differences, "tested", { unicode }), terminal),
          ],
          [
            style.bold("what it costs, at the same KL"),
            ...printedTable(differencesTable(differences, "costs", { unicode }), terminal),
          ],
          overlapWords(differences, { unicode }).flatMap((text) => wrapText(text, columns)),
          readingWords(differences)
            .flatMap((text) => wrapText(text, columns))
            .map(style.dim),
        ]),
    written,
  ];
  terminal.out(
    parts
      .filter((lines) => lines.length > 0)
      .map((lines) => lines.join("\n"))
      .join("\n\n"),
  );
  return exitCode.done;
}

function merged(tables: readonly PolicyTable[]): PolicyTable {
  try {
    return mergedTables(tables);
  } catch (error) {
    if (error instanceof PolicyConflict) {
      throw new UserError(error.message, exitCode.usage, { cause: error });
    }
    throw error;
  }
}

/** @throws {UserError} no such curve */
function chosen(table: PolicyTable, arms: string | undefined): PolicyTable {
  if (arms === undefined) return table;
  const wanted = arms.split(",").map((name) => name.trim());
  for (const name of wanted) requireCurve("--arms", name, table);
  const policies = table.policies.filter(
    ({ curve, role }) => role === null || wanted.includes(curve),
  );
  return tableOfPolicies(policies, table.sources);
}

/** @throws {UserError} no such curve */
function requireCurve(
  option: "--arms" | "--against",
  name: string,
  { policies }: PolicyTable,
): void {
  const curves = curveNames(policies);
  if (curves.includes(name)) return;
  throw new UserError(
    `${option} ${name}: there is no such arm. The arms are ${curves.join(", ")}.`,
  );
}

/** @throws {UserError} neither a run nor a file. @throws {RecordError} it is damaged */
function tableOf(name: string, runsFolder: string): PolicyTable {
  if (existsSync(name) && statSync(name).isFile()) {
    return readCheckedJson(name, policyTableSchema, "a table of `averse frontier --table`");
  }
  const folder = runFolder(name, runsFolder);
  const run = basename(folder);
  const manifest = readManifest(folder);
  const experiment = recordedExperiment(manifest, folder);
  const trained = Object.keys(experiment.arms).find((arm) => experiment.arms[arm]!.stage === "rl");
  const scale = scaleOfRecord(manifest, experiment, trained ?? Object.keys(experiment.arms)[0]!);
  const { name: title, started, versions, hardware, config_hash, results } = manifest;
  return {
    sources: [
      {
        run,
        experiment: title,
        started,
        averse: versions.averse ?? "unknown",
        torch: versions.torch ?? null,
        processor: String(hardware.cpu ?? "unknown"),
        configuration: config_hash,
        journal: results.journal?.checksum ?? null,
        scale: withoutPaths(scale) as Record<string, unknown>,
      },
    ],
    policies: runPolicies(run, experiment, figuresOfRun(folder)).map((policy) => ({
      ...policy,
      settings: sha256Of(policy.settings),
    })),
  };
}

/** Where files lie on a machine plays no part; what is in them is told by digests. */
function withoutPaths(value: unknown): unknown {
  if (typeof value === "string") return isAbsolute(value) ? "" : value;
  if (Array.isArray(value)) return value.map(withoutPaths);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, withoutPaths(own)]));
}

/** @throws {UserError} no such curve, or no risk-neutral one */
function curveAgainst(table: PolicyTable, wanted: string | undefined): string {
  if (wanted !== undefined) {
    requireCurve("--against", wanted, table);
    return wanted;
  }
  const neutral = neutralCurve(table.policies);
  if (neutral !== null) return neutral;
  const curves = curveNames(table.policies).join(", ");
  throw new UserError(`no arm is risk-neutral: choose one with --against, of ${curves}.`);
}

function writtenTable(path: string, table: PolicyTable): string {
  writeDurably(path, tableText(table));
  return path;
}

async function writtenReport(
  folder: string,
  report: { readonly table: PolicyTable; readonly against: string; readonly command: string },
): Promise<string[]> {
  refuseRunFolder(folder, "--report");
  const { renderFrontier } = await import("../../report/frontier/render-frontier.js");
  const { plots, ...texts } = await renderFrontier(report);
  const drawn = plots.map(({ id, svg }) => [`${id}.svg`, svg] as const);
  return writeReportFolder(folder, "--report", texts, Object.fromEntries(drawn));
}
