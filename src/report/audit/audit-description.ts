/** What a reader is told of an audit, on the terminal and in its report. */
import type { Audit } from "../../audit/audit.js";
import type { AuditSettings } from "../../audit/scores.js";

export interface AuditDescription {
  readonly files: readonly AuditedFile[];
  /** Of all files. */
  readonly rows: number;
  /** Column of the prompts that scores are grouped by, and how many there are. */
  readonly prompts: { readonly column: string; readonly count: number } | null;
  readonly promptScore: string | null;
  readonly settings: AuditSettings;
  readonly audit: Audit;
  /** Arm → where its scores stand. */
  readonly sources: Readonly<Record<string, AuditedSource>>;
  readonly worst: Readonly<Record<string, readonly WorstRow[]>>;
  /** What the reader must know of how the files were read. */
  readonly notes: readonly string[];
  readonly showText: boolean;
  /** One line for a shell. */
  readonly command: string;
}

export interface AuditedFile {
  readonly file: string;
  readonly format: string;
  readonly rows: number;
}

export interface AuditedSource {
  readonly files: readonly string[];
  readonly column: string;
  readonly skipped: number;
}

export interface WorstRow {
  readonly file: string;
  /** From 1, the header not counted. */
  readonly row: number;
  readonly score: number;
  readonly prompt_score: number | null;
  /** Masked unless asked for; null: no such column was named. */
  readonly prompt: string | null;
  readonly text: string | null;
}
