/** What commands share: where they are added, and options of one meaning and one name. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ExitCode } from "../failure-text.js";
import { backendOverride } from "../lookup/backend-override.js";
import type { Terminal } from "../terminal.js";

/** One command line while its commands are added. */
export interface CommandLine {
  readonly program: Command;
  /** As typed, for manifests and reports. */
  readonly argv: readonly string[];
  readonly terminal: Terminal;
  /** Takes the exit code of the command that ran. */
  readonly end: (code: ExitCode) => void;
}

export const runWords =
  "run folder, name of a run in the runs folder (or the beginning of one), or latest";

export function setOption(): Option {
  return new Option("--set <key=value>", "override a key, as in risk.alpha=0.2; may be repeated")
    .default([], "none")
    .argParser(repeated);
}

export function backendOption(): Option {
  const words = "where and how the worker runs (default: the experiment's backend.worker)";
  return new Option("--backend <name>", `${words}; \`averse backends\` lists them`);
}

/** `--backend NAME` is the last word on `backend.worker`. */
export function withBackend<Options extends { readonly set: readonly string[] }>(
  options: Options & { readonly backend?: string },
): Options {
  const { set, backend } = options;
  return backend === undefined ? options : { ...options, set: [...set, backendOverride(backend)] };
}

export function detachOption(): Option {
  const words = "run in the background; returns once the run folder exists";
  return new Option("--detach", words).default(false, "off");
}

export function runsOption(): Option {
  return new Option("--runs <folder>", "folder of the runs").default("runs");
}

export function artifactsOption(): Option {
  const words = "folder of kept results (default: artifacts, beside the folder of the runs)";
  return new Option("--artifacts <folder>", words).env("AVERSE_ARTIFACTS");
}

/** `--json` of a command that runs an experiment. */
export function eventsOption(): Option {
  const words = "one JSON object per line on stdout: the journal's events, then a result";
  return new Option("--json", words).default(false);
}

export function plainOption(): Option {
  return new Option("--plain", "lines instead of the dashboard").default(false);
}

export function showTextOption(): Option {
  const words = "print sampled texts, which may be offensive";
  return new Option("--show-text", words).default(false);
}

export function jsonOption(): Option {
  return new Option("--json", "JSON output on stdout").default(false, "off");
}

export function debugOption(): Option {
  return new Option("--debug", "show the stack traces of errors").default(false, "off");
}

export function sampleCount(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number from 0 to 999.");
}

export function finiteOf(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("expected a number.");
}

export function positiveOf(text: string): number {
  const value = finiteOf(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("expected a number above 0.");
}

/** Of an option that may be given several times. */
export function repeated(text: string, before: readonly string[]): string[] {
  return [...before, text];
}
