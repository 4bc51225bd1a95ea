/** `averse audit FILE…`: the tail of scored outputs, whoever made them. */
import { auditArms } from "../../audit/audit.js";
import { type ArmScores, type AuditSettings, sortedArm } from "../../audit/scores.js";
import type { AuditDescription } from "../../report/audit/audit-description.js";
import { openTable } from "../../tables/open-table.js";
import { safeText } from "../../text/safe-text.js";
import { type AuditOptions, armSources, checkOptions } from "../audit/audit-options.js";
import { auditRecord } from "../audit/audit-record.js";
import { auditText } from "../audit/audit-text.js";
import { type Collected, collectScores } from "../audit/collect-scores.js";
import { readingProgress } from "../audit/reading-progress.js";
import { worstRows } from "../audit/worst-texts.js";
import { recordedCommand, shellLine } from "../command-line.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { refuseRunFolder, writeReportFolder } from "../report-folder.js";
import type { Terminal } from "../terminal.js";

/**
 * @throws {UserError} options that do not go together, or a row without a valid score
 * @throws {TableError} a file is damaged, or has no such column
 */
export async function audit(
  files: readonly string[],
  options: AuditOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  checkOptions(options);
  if (options.score.length + options.arm.length === 0) await askForColumn(files, options);
  const sources = armSources(files, options);
  if (options.report !== undefined) refuseRunFolder(options.report, "--report");
  const progress = readingProgress(terminal, () => performance.now() / 1000);
  const collected = await collectScores(sources, options, progress);
  const settings = settingsOf(options);
  requireInRange(collected, settings);
  const arms = collected.arms.map((arm): ArmScores => {
    const turned = (values: Float64Array) =>
      options.higherIsWorse ? values.map((value) => -value) : values;
    return sortedArm({
      name: arm.source.name,
      scores: turned(arm.scores),
      units: arm.units,
      promptScores: arm.promptScores === null ? null : turned(arm.promptScores),
      returns: arm.returns,
    });
  });
  const description: AuditDescription = {
    files: collected.tables.map(({ table, rows }) => ({
      file: table.file,
      format: table.format,
      rows,
    })),
    rows: collected.rows,
    prompts:
      collected.prompts === null ? null : { column: options.prompt!, count: collected.prompts },
    promptScore: options.promptScore ?? null,
    settings,
    audit: auditArms(arms, settings),
    sources: Object.fromEntries(
      collected.arms.map(({ source, skipped }) => [
        source.name,
        { files: source.files, column: source.score, skipped },
      ]),
    ),
    worst: await worstRows(collected, options),
    notes: collected.tables.flatMap(({ table }) =>
      table.notes.map((note) => `${table.file}: ${note}`),
    ),
    showText: options.showText,
    command: shellLine(recordedCommand(options.argv, process.env)),
  };
  const report =
    options.report === undefined ? null : await writeReport(options.report, description, collected);
  if (options.json) terminal.out(JSON.stringify(auditRecord(description, report)));
  else {
    terminal.out(auditText(description, terminal));
    if (report !== null) terminal.out(`\n${report.join("\n")}`);
  }
  return exitCode.done;
}

/** Of a first look at a file: which columns there are. */
async function askForColumn(files: readonly string[], options: AuditOptions): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  const { columns, fields } = await openTable(first, options.format ?? null);
  throw new UserError(
    `which column holds the scores? ${first} has ${safeText([...columns, ...fields].join(", "))}. ` +
      "--score COLUMN for one arm, --arm NAME=COLUMN for each of several.",
  );
}

function settingsOf(options: AuditOptions): AuditSettings {
  return {
    harmThreshold: options.harmThreshold ?? null,
    higherIsWorse: options.higherIsWorse,
    bound: (options.higherIsWorse ? options.upper : options.lower) ?? null,
    level: options.level,
    byPrompt: options.prompt !== undefined,
    beta: options.beta ?? null,
  };
}

/** A stated bound that a score breaks is no bound. */
function requireInRange({ arms }: Collected, { bound, higherIsWorse }: AuditSettings): void {
  if (bound === null) return;
  for (const { source, scores } of arms) {
    const beyond = scores.find((score) => (higherIsWorse ? score > bound : score < bound));
    if (beyond !== undefined) {
      throw new UserError(
        `${source.name}: a score is ${beyond}, ${higherIsWorse ? "above --upper" : "below --lower"} ${bound}; ` +
          "state a bound that no score can pass, by how it is computed.",
      );
    }
  }
}

async function writeReport(
  folder: string,
  description: AuditDescription,
  collected: Collected,
): Promise<string[]> {
  const { renderAudit } = await import("../../report/audit/render-audit.js");
  const scores = new Map(collected.arms.map((arm) => [arm.source.name, arm.scores]));
  return writeReportFolder(folder, "--report", await renderAudit(description, scores));
}
