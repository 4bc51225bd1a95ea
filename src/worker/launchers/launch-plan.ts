/** What a launcher makes of a worker's command: the program that this machine starts for it. */
import { join } from "node:path";
import { shellQuoted } from "../../text/shell-quote.js";

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
  /** File with the worker's keys, as the worker reads it. */
  readonly keys?: string;
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
   * The launcher's own words for its end.
   *
   * @param lines - Of its stderr, oldest first.
   * @returns null: the worker ended, and not the launcher
   */
  readonly refusal: (code: number | null, lines: readonly string[]) => LaunchRefusal | null;
  /** What a worker that never came did, and what to do; null: it had been started. */
  readonly absent: string | null;
  /** Lines that the launcher writes behind the worker's last ones; null: none. */
  readonly afterwords: RegExp | null;
  /** Where the worker may wait for its turn; null: it starts at once. */
  readonly queue: LaunchQueue | null;
  /** What the worker says when it will be ended soon; null: nobody would tell it. */
  readonly deadline: RegExp | null;
  /** Gives back what `argv` may have left elsewhere; run after its end. Null: nothing is left. */
  readonly release: readonly string[] | null;
  /** Files that the launched program takes away; removed with it where it does not. */
  readonly probes: readonly string[];
}

export interface LaunchRefusal {
  readonly words: string;
  /** The cause may pass, as a dead node or a cancelled job: it would not meet the next worker. */
  readonly passing: boolean;
}

export interface LaunchQueue {
  /** What a line of the stderr of `argv` says; null: nothing of the queue. */
  readonly turn: (line: string) => "waits" | "runs" | null;
  /** Prints why the worker waits, in one line; null: nothing is known of it. */
  readonly state: readonly string[] | null;
}

/** Of a launcher that only starts a program on this machine. */
export const startsAtOnce = {
  refusal: () => null,
  absent: null,
  afterwords: null,
  queue: null,
  deadline: null,
  release: null,
  probes: [],
} as const;

/**
 * A launcher that has exit codes of its own.
 *
 * @param patterns - What its words look like among the lines, by exit code; the last line where none does.
 * @param passing - Words for what may pass; null: the exit code alone tells.
 */
export function refusalByCode(
  patterns: ReadonlyMap<number, RegExp>,
  passing: RegExp | null = null,
): LaunchPlan["refusal"] {
  return (code, lines) => {
    const pattern = code === null ? undefined : patterns.get(code);
    if (pattern === undefined) {
      return null;
    }
    const line = lines.findLast((one) => pattern.test(one) || passing?.test(one)) ?? lines.at(-1);
    const words = line?.trim() ?? `it ended with code ${code} and said nothing`;
    return { words, passing: code === DISPLACED || (passing?.test(words) ?? false) };
  };
}

/** How our own lines on stderr begin, which `sh` says over there. */
export const OWN = "averse: ";

/** Exit code of `sh` where it could not do what the worker needs. */
export const NOT_STARTED = 96;

/** Exit code of our own drivers where the cluster took the worker's place away: its node died, say. */
export const DISPLACED = 97;

/** A step of a shell script that ends it with these words where it fails. */
export function orEnd(step: string, words: string): string {
  return `${step} 2>/dev/null || { echo ${shellQuoted(`${OWN}${words}`)} >&2; exit ${NOT_STARTED}; }`;
}

/** Files whose presence elsewhere shows that a folder is shared. */
export function probesOf({ shared, session }: LaunchPlace): string[] {
  return shared.map((folder) => join(folder, `.averse-probe-${session}`));
}

/**
 * Steps of a shell script that tries every shared folder. Removing a file needs the right to write,
 * which the worker needs as well.
 *
 * @param where - As in `on gpu-box`: there the script runs.
 * @param otherwise - What else can be done, behind a comma.
 */
export function probeSteps(place: LaunchPlace, where: string, otherwise = ""): string[] {
  return probesOf(place).map((file, at) =>
    orEnd(
      `rm ${shellQuoted(file)}`,
      `${place.shared[at]} is not shared with ${where}; choose a folder that both machines have under ` +
        `the same path, with the right to write there (--runs, --artifacts)${otherwise}`,
    ),
  );
}

/**
 * Stands before a program that holds a place on a cluster: a job that waits must not outlive its
 * controller, which is this process; nothing else would take it off the queue.
 */
export function following(python: string, root: string): string[] {
  const file = join(root, "python", "averse_worker", "platform", "follow_parent.py");
  return [python, "-IS", file, String(process.pid)];
}
