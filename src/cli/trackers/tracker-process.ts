/**
 * One process that sends a run's journal to one tracker (python/averse_tracker). It reads the run
 * folder like any other reader, in a session of its own, so that nothing it does, or fails to do,
 * reaches the run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { z } from "zod";
import type { TrackerConfig } from "../../config/schema/trackers.js";
import { runFiles } from "../../store/paths.js";
import { WorkerLog } from "../../store/worker-log.js";
import { redaction } from "../../text/redaction.js";
import { safeText } from "../../text/safe-text.js";
import { pythonPath } from "../../worker/python-path.js";
import { runWord } from "../lookup/runs.js";
import { packageRoot } from "../machine/package.js";

export type TrackerEnd =
  /** Everything that the journal had is sent. */
  | { readonly state: "done"; readonly points: number; readonly place: string }
  | { readonly state: "failed"; readonly kind: FailureKindOfTracker; readonly why: string };

type FailureKindOfTracker = "absent" | "busy" | "hung" | "other" | "stopped";

const report = z.discriminatedUnion("state", [
  z.object({ state: z.literal("sent"), seq: z.int() }),
  z.object({ state: z.literal("done"), seq: z.int(), points: z.int(), place: z.string() }),
  z.object({
    state: z.literal("failed"),
    kind: z.enum(["absent", "busy", "hung", "other"]),
    why: z.string(),
  }),
]);

export function trackerLog(run: string, name: string): string {
  return join(run, runFiles.logs, `tracker-${name}.log`);
}

export class TrackerProcess {
  /** Settles once the process is gone; never rejects. */
  readonly ended: Promise<TrackerEnd>;
  readonly #child: ChildProcess;
  #end: TrackerEnd | null = null;
  #isOver = false;

  /**
   * @param run folder of the run, absolute
   * @param again anew, as further runs of the tracker
   * @throws {EnvironmentError} there is no Python
   */
  constructor(
    readonly settings: TrackerConfig,
    run: string,
    again = false,
  ) {
    const { name } = settings;
    const { whole } = redaction(process.env);
    const log = new WorkerLog(trackerLog(run, name), () => {});
    this.#child = spawn(pythonPath(packageRoot), ["-m", "averse_tracker", run], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, PYTHONPATH: pythonFolders() },
      // Not in the terminal's group: Ctrl-C is the controller's to answer.
      detached: true,
    });
    const { stdin, stdout, stderr } = this.#child;
    // A process that is gone is told by its end.
    stdin!.on("error", () => {});
    stdin!.write(`${JSON.stringify({ ...settings, again })}\n`);
    eachLine(stderr!, (line) => log.write(`${whole(line)}\n`));
    eachLine(stdout!, (line) => {
      const told = report.safeParse(parsed(line));
      if (told.success && told.data.state !== "sent") {
        this.#end =
          told.data.state === "done"
            ? { ...told.data, place: safeText(whole(told.data.place)) }
            : { ...told.data, why: whole(told.data.why) };
      }
    });
    this.ended = new Promise((resolve) => {
      const over = (fallback: string) => {
        this.#isOver = true;
        const end = this.#end ?? { state: "failed", kind: "other", why: fallback };
        if (end.state === "failed") log.write(`averse: ${end.why}\n`);
        log.close();
        resolve(end);
      };
      this.#child.on("error", (error) => over(`its process cannot be started: ${error.message}`));
      this.#child.on("close", (code, signal) =>
        over(`its process ended with ${signal === null ? `status ${code}` : `signal ${signal}`}`),
      );
    });
  }

  /** No more is coming: it sends what there is and ends. */
  finish(): void {
    this.#child.stdin!.end();
  }

  /** At once; what is not sent stays in the journal. */
  stop(why: string): void {
    if (this.#isOver) return;
    this.#end ??= { state: "failed", kind: "stopped", why };
    this.#child.kill("SIGKILL");
  }
}

/** What went wrong, and what to do about it. */
export function trackerWarning(
  name: string,
  { kind, why }: Extract<TrackerEnd, { state: "failed" }>,
  run: string,
): string {
  const what = `tracker ${name}: ${safeText(why).replace(/[.\s]+$/, "")}`;
  const advice =
    kind === "busy"
      ? "Wait until it is done."
      : `The run is not affected; \`averse track ${runWord(run)} --to ${name}\` sends the rest.`;
  return `${what}. ${advice}`;
}

/** The package's own, and what the user has of their own. */
function pythonFolders(): string {
  const { PYTHONPATH = "" } = process.env;
  const own = join(packageRoot, "python");
  return PYTHONPATH === "" ? own : `${own}${delimiter}${PYTHONPATH}`;
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
  });
  stream.on("end", () => {
    if (rest !== "") take(rest);
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
