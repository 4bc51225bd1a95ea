/** `averse verify`: whether a run's record is what was written, byte for byte. */
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
      ? `${folder} is what was written (${formatBytes(bytes)} read).`
      : `${folder}: ${findings.length} found (${formatBytes(bytes)} read).`;
    terminal.out([...parts.flatMap((part) => partLines(part, terminal)), verdict].join("\n"));
  }
  return ok ? exitCode.done : exitCode.verification;
}

/** What a part consists of, one and many. */
const units: Readonly<Record<Part, readonly [one: string, many: string]>> = {
  lock: ["file", "files"],
  manifest: ["file", "files"],
  journal: ["event", "events"],
  evaluation: ["file", "files"],
  episodes: ["file", "files"],
  checkpoints: ["folder", "folders"],
  models: ["folder", "folders"],
  samples: ["file", "files"],
  reports: ["file", "files"],
};

function partLines(
  { part, sound, unchecked, findings }: PartCheck,
  { unicode }: Terminal,
): string[] {
  const [good, bad, neutral] = unicode ? ["✓", "✗", "·"] : ["ok", "NO", "-"];
  const mark = findings.length > 0 ? bad : sound === 0 ? neutral : good;
  const count = `${sound} ${units[part][sound === 1 ? 0 : 1]}`;
  const untold = unchecked.length > 0 ? `, ${unchecked.length} without a digest` : "";
  const known = `${count}${untold}`;
  const words = findings.length > 0 ? `${known} as written, ${findings.length} found:` : known;
  const width = Math.max(...Object.keys(units).map((name) => name.length));
  const head = gridLines([[mark!, part.padEnd(width), words]], ["left", "left", "left"]);
  return [...head, ...findings.map((finding) => `     ${findingText(finding)}`)];
}

function findingText({ file, line, message }: FileFinding): string {
  const place = line === null ? file : `${file}, line ${line}`;
  return safeText(message.startsWith(file) ? message : `${place}: ${message}`);
}

/** A line a second on stderr, from the first second on. */
function progress(terminal: Terminal): (bytes: number, part: Part) => void {
  let told = performance.now();
  return (bytes, part) => {
    if (performance.now() - told >= 1000) {
      told = performance.now();
      terminal.err(`verifying: ${formatBytes(bytes)} read, at the ${part}`);
    }
  };
}
