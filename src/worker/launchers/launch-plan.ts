/** What a launcher makes of a worker's command: the program that this machine starts for it. */

/** Where the controller is to be found, and what the worker shares with it. */
export interface LaunchPlace {
  /** Folder of the package on this machine. */
  readonly root: string;
  /** What the controller's socket listens on: `ipc://…` or `tcp://…`. */
  readonly endpoint: string;
  /** Unique to this worker. */
  readonly session: string;
  /** File with the worker's keys; null: it needs none. */
  readonly keys: string | null;
  /** Folder for temporary files, beside the socket; null: the worker has its own. */
  readonly temporary: string | null;
  /**
   * Folders that controller and worker both read and write, by the same absolute path: the run's, and
   * that of artifacts. Empty: the worker is only asked what it is and can do.
   */
  readonly shared: readonly string[];
}

/** Of a worker's file, with its placeholders filled for the machine that it runs on. */
export type WorkerCommand = (values: {
  /** Called only where the file names it. */
  readonly python: () => string;
  readonly root: string;
  readonly endpoint: string;
}) => {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
};

export interface LaunchPlan {
  readonly argv: readonly string[];
  /** Added to the controller's environment for `argv`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the worker runs, as in `on gpu-box`; null: on this machine, as a child. */
  readonly place: string | null;
  /**
   * Exit codes of `argv` that are the launcher's own and not the worker's, each with what its words
   * look like among the lines of its stderr; the last line where none does.
   */
  readonly refusals: ReadonlyMap<number, RegExp>;
  /** Files that the launched program takes away; removed with it where it does not. */
  readonly probes: readonly string[];
}

/**
 * The launcher's own words for its end.
 *
 * @param lines - Of its stderr, oldest first.
 * @returns null: the worker ended, and not the launcher
 */
export function refusalWords(
  { refusals }: LaunchPlan,
  code: number | null,
  lines: readonly string[],
): string | null {
  const pattern = code === null ? undefined : refusals.get(code);
  if (pattern === undefined) {
    return null;
  }
  const words = lines.findLast((line) => pattern.test(line)) ?? lines.at(-1);
  return words?.trim() ?? `it ended with code ${code} and said nothing`;
}
