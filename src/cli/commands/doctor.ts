/** `averse doctor`: whether everything that a run needs is there, and what to do where it is not. */
import { gridLines } from "../../text/grid.js";
import { pythonPath } from "../../worker/python-path.js";
import { openSession } from "../../worker/session.js";
import { readWorkerSpec } from "../../worker/spec.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { artifactsFolder } from "../lookup/artifacts.js";
import {
  artifactsFinding,
  assetFindings,
  type Finding,
  finding,
  nodeFinding,
  npmFinding,
  packageFindings,
  pythonFinding,
  runsFinding,
  torchFindings,
  venvFinding,
} from "../machine/doctor-checks.js";
import { probePython } from "../machine/environment-probe.js";
import { packageRoot, setupCommand } from "../machine/package.js";
import type { Terminal } from "../terminal.js";

export interface DoctorOptions {
  readonly runs: string;
  /** Folder of artifacts; beside that of the runs. */
  readonly artifacts?: string;
  readonly json: boolean;
}

export async function doctor(options: DoctorOptions, terminal: Terminal): Promise<ExitCode> {
  const findings = [
    nodeFinding(),
    npmFinding(),
    venvFinding(packageRoot, process.env),
    ...(await pythonFindings()),
    runsFinding(options.runs),
    artifactsFinding(artifactsFolder(options.artifacts, options.runs)),
    ...assetFindings(packageRoot),
  ];
  const ok = findings.every((one) => one.ok !== false);
  if (options.json) terminal.out(JSON.stringify({ ok, findings }));
  else terminal.out(findingsText(findings, terminal));
  return ok ? exitCode.done : exitCode.environment;
}

async function pythonFindings(): Promise<Finding[]> {
  let python: string;
  try {
    python = pythonPath(packageRoot);
  } catch (error) {
    return [finding("Python", false, (error as Error).message, `Run \`${setupCommand}\` once.`)];
  }
  const [facts, handshake] = await Promise.all([probePython(python), handshakeFinding()]);
  const head = pythonFinding(facts, python);
  if (typeof facts === "string") return [head];
  return [head, ...packageFindings(facts, packageRoot), ...torchFindings(facts), handshake];
}

/** Starts a worker without models, shakes hands, and stops it. */
async function handshakeFinding(): Promise<Finding> {
  const began = performance.now();
  try {
    const worker = await openSession(readWorkerSpec("fake", packageRoot), { root: packageRoot });
    const { version, protocol } = worker.hello;
    await worker.close();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    return finding(
      "worker handshake",
      true,
      `worker ${version}, protocol ${protocol}, ${seconds} s`,
      "",
    );
  } catch (error) {
    const remedy = `The worker's last lines say more; \`${setupCommand}\` repairs a broken environment.`;
    return finding("worker handshake", false, (error as Error).message, remedy);
  }
}

/** One line each, with what to do beneath it. */
export function findingsText(findings: readonly Finding[], { unicode }: Terminal): string {
  const [good, bad, neutral] = unicode ? ["✓", "✗", "·"] : ["ok", "NO", "-"];
  const mark = ({ ok }: Finding) => (ok === null ? neutral : ok ? good : bad);
  const grid = gridLines(
    findings.map((one) => [mark(one)!, one.what, one.found]),
    ["left", "left", "left"],
  );
  return findings
    .flatMap((one, index) => [grid[index]!, ...(one.remedy === "" ? [] : [`     → ${one.remedy}`])])
    .join("\n");
}
