/** The trackers of a run that is under way: started beside it, each told of once. */
import { resolve } from "node:path";
import type { TrackerConfig } from "../../config/schema/trackers.js";
import { EnvironmentError } from "../../worker/contract.js";
import type { Terminal } from "../terminal.js";
import { TrackerProcess, trackerWarning } from "./tracker-process.js";

/** After the run, for what is still on its way; the results are on the screen by then. */
const secondsAfterRun = 20;

export class RunTrackers {
  #processes: readonly TrackerProcess[] = [];
  /** Of those that failed before the run was over. */
  readonly #told = new Set<TrackerProcess>();
  #runIsOver = false;

  /**
   * Never throws: a run can do without its trackers.
   *
   * @param folder of the run
   * @param warn gets a line where a tracker fails while the run is under way
   */
  constructor(
    trackers: readonly TrackerConfig[],
    private readonly folder: string,
    warn: (line: string) => void,
  ) {
    try {
      this.#processes = trackers.map((settings) => new TrackerProcess(settings, resolve(folder)));
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error;
      warn(`warning: no tracker is started: ${error.message}`);
    }
    for (const one of this.#processes) {
      void one.ended.then((end) => {
        if (end.state !== "failed" || this.#runIsOver) return;
        this.#told.add(one);
        warn(`warning: ${trackerWarning(one.settings.name, end, folder)}`);
      });
    }
  }

  /** The view is closed: from here on failures wait for `finish`. */
  runIsOver(): void {
    this.#runIsOver = true;
  }

  /** Waits a little for what is on its way, and says where it went. Ctrl-C ends the wait. */
  async finish(terminal: Pick<Terminal, "err">): Promise<void> {
    const open = this.#processes.filter((one) => !this.#told.has(one));
    if (open.length === 0) return;
    for (const one of open) one.finish();
    const stop = () => this.#stop(open);
    const limit = setTimeout(stop, 1000 * secondsAfterRun);
    process.once("SIGINT", stop);
    try {
      for (const { settings, ended } of open) {
        const end = await ended;
        terminal.err(
          end.state === "done"
            ? `tracker ${settings.name}: ${end.place}`
            : `warning: ${trackerWarning(settings.name, end, this.folder)}`,
        );
      }
    } finally {
      clearTimeout(limit);
      process.removeListener("SIGINT", stop);
    }
  }

  /** Of a run whose folder goes. */
  async abandon(): Promise<void> {
    this.#runIsOver = true;
    this.#stop(this.#processes);
    await Promise.all(this.#processes.map(({ ended }) => ended));
  }

  #stop(processes: readonly TrackerProcess[]): void {
    for (const one of processes) one.stop("not everything was sent when the run ended");
  }
}
