/** What is wrong with a configuration: every problem at once, each with its place and remedy. */

/** Exact place in a file, or the `--set` that said it. Lines and columns count from 1. */
export type SourcePlace =
  | { readonly file: string; readonly line: number; readonly column: number }
  | { readonly override: string };

export interface ConfigProblem {
  readonly place: SourcePlace;
  /** `risk.alpha`; empty where the file as a whole is meant. */
  readonly key: string;
  /** What stands there, as the user wrote it or as the reader understood it. */
  readonly found: string;
  /** Empty: `found` is a whole sentence that says it. */
  readonly expected: string;
  /** A sentence that says what to do. */
  readonly remedy: string;
}

/** A constraint between keys that does not hold; `keys` in the order in which to look at them. */
export interface Violation {
  readonly keys: readonly string[];
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(
    readonly problems: readonly ConfigProblem[],
    options?: ErrorOptions,
  ) {
    super(problems.map(problemLine).join("\n"), options);
  }
}

/** `configs/x.yaml:3:10: risk.alpha: found 1.5, expected a number over 0, at most 1. Write …` */
export function problemLine(problem: ConfigProblem): string {
  return `${sourcePlaceText(problem.place)}: ${problemWords(problem)}`;
}

/** The same without its place. */
export function problemWords(problem: Omit<ConfigProblem, "place">): string {
  const { key, found, expected, remedy } = problem;
  const what = expected === "" ? found : `found ${found}, expected ${expected}`;
  const said = `${what}${/[.?!]$/.test(what) ? "" : "."} ${remedy}`.trimEnd();
  return key === "" ? said : `${key}: ${said}`;
}

export function sourcePlaceText(place: SourcePlace): string {
  return "override" in place
    ? `--set ${place.override}`
    : `${place.file}:${place.line}:${place.column}`;
}

/** Reading order: the file from top to bottom, then the overrides; said once each. */
export function inReadingOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const rank = ({ place }: ConfigProblem): [number, number] =>
    "override" in place ? [Number.MAX_SAFE_INTEGER, 0] : [place.line, place.column];
  const seen = new Set<string>();
  return problems
    .filter((problem) => {
      const line = problemLine(problem);
      return !seen.has(line) && seen.add(line);
    })
    .sort((a, b) => {
      const [lineA, columnA] = rank(a);
      const [lineB, columnB] = rank(b);
      return lineA - lineB || columnA - columnB;
    });
}
