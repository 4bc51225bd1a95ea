/** What the checks before a run find out: facts worth showing, warnings, and what stands in the way. */
import type { Violation } from "../config/problems.js";

/** One line of the summary. */
export interface Checked {
  /** `policy`, `reward`, `data`, … */
  readonly what: string;
  readonly found: string;
}

/** Of a constraint, and the arm whose keys it is about; null: the experiment's own. */
export interface Concern extends Violation {
  readonly arm: string | null;
}

export interface Findings {
  readonly checked: readonly Checked[];
  /** The run goes on, and its user should know. */
  readonly warnings: readonly Concern[];
  /** The run would fail, or not be what its configuration says. */
  readonly problems: readonly Concern[];
}

export const nothingFound: Findings = { checked: [], warnings: [], problems: [] };

export function joined(all: readonly Findings[]): Findings {
  return {
    checked: all.flatMap(({ checked }) => checked),
    warnings: all.flatMap(({ warnings }) => warnings),
    problems: all.flatMap(({ problems }) => problems),
  };
}
