/** What a run came to: its figures and its reports, once they are on disk. */
import type { Evaluation } from "../analysis/evaluation.js";

export interface RunResults {
  /** Null: the run has none (yet), or `problem` says why it cannot be read. */
  readonly evaluation: Evaluation | null;
  /** Paths of the reports that are there. */
  readonly reports: readonly string[];
  /** For people; null: all could be read. */
  readonly problem: string | null;
}
