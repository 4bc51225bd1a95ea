/** `averse verify`: whether a run's files match their digests. */
import type { FileFinding, Part, PartCheck } from "../../store/part-check.js";
import { verifyRun } from "../../store/verify-run.js";
import { gridLines } from "../../text/grid.js";
import { formatBytes } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { recordFolder } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

export interface VerifyOptions {
  readonly runs: string;
  readonly json: boolean;
}

export async function verify(
  run: string,
  options: VerifyOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = recordFolder(run, options.runs);
  const { parts, bytes } = await verifyRun(folder, progress(terminal));
  const findings = parts.flatMap((part) => part.findings);
  const ok = findings.length === 0;
  if (options.json) {
    const counts = Object.fromEntries(parts.map(({ part, sound }) => [part, sound]));
    const checked = { ...counts, bytes };
    const unchecked = parts.flatMap((part) => part.unchecked);
    terminal.out(JSON.stringify({ type: "verify", run: folder, ok, checked, unchecked, findings }));
  } else {
    const verdict = ok
      ? `${folder}: all files match their digests (${formatBytes(bytes)} read).`
      : `${folder}: ${problems(findings.length)} (${formatBytes(bytes)} read). Restore these files from a copy and move unexpected ones out of the folder.`;
    terminal.out([...parts.flatMap((part) => partLines(part, terminal)), verdict].join("\n"));
  }
  return ok ? exitCode.done : exitCode.verification;
}

/** Unit of a part's count: singular, plural. */
const units: Readonly<Record<Part, readonly [one: string, many: string]>> = {
  lock: ["file", "files"],
  manifest: ["file", "files"],
  journal: ["event", "events"],
  evaluation: ["file", "files"],
  episodes: ["file", "files"],
  completions: ["file", "files"],
  checkpoints: ["folder", "folders"],
  models: ["folder", "folders"],
  samples: ["file", "files"],
  reports: ["file", "files"],
};

function problems(count: number): string {
  return `${count} ${count === 1 ? "problem" : "problems"}`;
}

function partLines(
  { part, sound, unchecked, findings }: PartCheck,
  { unicode }: Terminal,
): string[] {
  const [good, bad, neutral] = unicode ? ["✓", "✗", "·"] : ["ok", "NO", "-"];
  const mark = findings.length > 0 ? bad : sound === 0 ? neutral : good;
  const count = `${sound} ${units[part][sound === 1 ? 0 : 1]}`;
  const undigested = unchecked.length > 0 ? `, ${unchecked.length} without a digest` : "";
  const known = `${count}${undigested}`;
  const words = findings.length > 0 ? `${known} intact, ${problems(findings.length)}:` : known;
  const width = Math.max(...Object.keys(units).map((name) => name.length));
  const head = gridLines([[mark!, part.padEnd(width), words]], ["left", "left", "left"]);
  return [...head, ...findings.map((finding) => `     ${findingText(finding)}`)];
}

function findingText({ file, line, message }: FileFinding): string {
  const place = line === null ? file : `${file}, line ${line}`;
  return safeText(message.startsWith(file) ? message : `${place}: ${message}`);
}

/** Prints progress to stderr, at most once per second. */
function progress(terminal: Terminal): (bytes: number, part: Part) => void {
  let printed = performance.now();
  return (bytes, part) => {
    if (performance.now() - printed >= 1000) {
      printed = performance.now();
      terminal.err(`verifying: ${formatBytes(bytes)} read, at the ${part}`);
    }
  };
}
