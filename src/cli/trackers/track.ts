/** `averse track`: a run's journal sent to a tracker, from where the last process stopped. */
import { basename, resolve } from "node:path";
import { type TrackerConfig, trackerNamed, trackersOf } from "../../config/schema/trackers.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { holderOf } from "../../store/run-lock.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";
import { refuseSecrets } from "../machine/refuse-secrets.js";
import { type Terminal, waitSeconds } from "../terminal.js";
import { TrackerProcess, trackerLog, trackerWarning } from "./tracker-process.js";

export interface TrackOptions {
  readonly to: TrackerConfig["name"];
  readonly project?: string;
  readonly runName?: string;
  readonly tag: readonly string[];
  readonly offline: boolean;
  readonly dir?: string;
  readonly uri?: string;
  readonly showText: boolean;
  readonly timeout?: number;
  /** Everything anew, as further runs of the tracker. */
  readonly again: boolean;
  /** Until the run ends. */
  readonly follow: boolean;
  readonly runs: string;
  readonly json: boolean;
}

const secondsBetweenLooks = 1;

/** @throws {UserError} no such run; an address for a tracker that has none; not everything was sent */
export async function track(
  name: string,
  options: TrackOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = runFolder(name, options.runs);
  const settings = settingsOf(folder, options);
  refuseSecrets(settings, process.env);
  const sender = new TrackerProcess(settings, resolve(folder), options.again);
  const stop = () => sender.stop("stopped on request");
  process.once("SIGINT", stop);
  const over = new AbortController();
  void sender.ended.then(() => over.abort());
  try {
    while (options.follow && holderOf(folder) !== null && !over.signal.aborted) {
      await waitSeconds(secondsBetweenLooks, over.signal);
    }
    sender.finish();
    const end = await sender.ended;
    if (options.json) {
      const { name: tracker, project, offline } = settings;
      const told = { type: "track", run: resolve(folder), tracker, project, offline };
      terminal.out(JSON.stringify({ ...told, ...end }));
    }
    if (end.state === "failed") {
      if (end.kind === "stopped") return exitCode.interrupted;
      const what = trackerWarning(settings.name, end, folder);
      const log =
        end.kind === "other" || end.kind === "hung"
          ? ` See ${trackerLog(folder, settings.name)}.`
          : "";
      throw new UserError(`${what}${log}`, exitCode.environment);
    }
    if (!options.json) {
      const points = end.points === 0 ? "nothing new" : `${end.points} points`;
      terminal.out(`${basename(folder)}: ${points} sent to ${settings.name}: ${end.place}`);
    }
    return exitCode.done;
  } finally {
    process.removeListener("SIGINT", stop);
  }
}

/** As the run's configuration has this tracker, changed by what was typed. */
function settingsOf(folder: string, options: TrackOptions): TrackerConfig {
  const { to, project, runName, tag, offline, dir, uri, showText, timeout } = options;
  if (uri !== undefined && to !== "mlflow") {
    throw new UserError(`--uri is for mlflow; ${to} has no address.`);
  }
  const recorded = trackersOf(recordedExperiment(readManifest(folder), folder));
  const own = recorded.find((one) => one.name === to) ?? trackerNamed(to);
  return {
    ...own,
    ...(project === undefined ? {} : { project }),
    ...(runName === undefined ? {} : { run_name: runName }),
    ...(tag.length === 0 ? {} : { tags: [...tag] }),
    ...(offline ? { offline } : {}),
    ...(dir === undefined ? {} : { dir: resolve(dir) }),
    ...(uri === undefined ? {} : { uri }),
    ...(showText ? { show_text: true } : {}),
    ...(timeout === undefined ? {} : { timeout }),
  };
}
