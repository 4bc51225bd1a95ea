/** An audit as `--json` prints it; docs/audit.md describes its keys. */
import type { AuditDescription } from "../../report/audit/audit-description.js";
import { auditNotes } from "../../report/audit/audit-words.js";

/** @param report files that were written; null: none were asked for */
export function auditRecord(
  description: AuditDescription,
  report: readonly string[] | null,
): Readonly<Record<string, unknown>> {
  const { files, rows, prompts, promptScore, settings, audit, sources, worst } = description;
  return {
    rows,
    files,
    prompts,
    settings: {
      higher_is_worse: settings.higherIsWorse,
      harm_threshold: settings.harmThreshold,
      worst_possible_score: settings.bound,
      level: settings.level,
      prompt_score: promptScore,
    },
    arms: Object.fromEntries(
      Object.entries(audit.arms).map(([name, figures]) => [
        name,
        { ...sources[name], ...figures, worst_rows: worst[name] ?? [] },
      ]),
    ),
    comparisons: audit.comparisons,
    notes: auditNotes(description),
    report,
  };
}
