/** What the pages are made from. */
import type { ReportInput } from "../report/report-data.js";
import type { RunSource } from "../run-model/run-source.js";
import type { RunSummary } from "../run-model/run-summary.js";

/** A run as the pages follow it. */
export interface FollowedRun extends RunSource {
  close(): void;
}

/** The runs of one folder. An id is a folder's name; what is no run there has none. */
export interface WebRuns {
  /** Newest first. @throws {Error} the folder cannot be read */
  list(): readonly RunSummary[];
  has(id: string): boolean;
  /** @throws {Error} its record is damaged */
  open(id: string): Promise<FollowedRun>;
  /** @throws {Error} its record is damaged */
  report(id: string): Promise<ReportInput>;
  /** Another one: the record has changed. */
  stamp(id: string): string;
}

/** Scripts that pages load: the charts' library, and modules of this program by their place in it. */
export const scripts = [
  "echarts.js",
  "web/client/list.js",
  "web/client/live.js",
  "report/plots/axis-figures.js",
  "text/numbers.js",
] as const;
export type ScriptName = (typeof scripts)[number];
