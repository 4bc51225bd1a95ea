/** `averse doctor --backend NAME`: one backend started, asked what it is, and timed. */
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadExperiment } from "../../config/load.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { probeWorker, type WorkerFacts } from "../../engine/worker-probe.js";
import { formatBytes, formatCount, formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { EnvironmentError, type Worker, WorkerFailure, WorkerLost } from "../../worker/contract.js";
import { openSession } from "../../worker/session.js";
import { namedEngine, readWorkerSpec, runsHere, type WorkerSpec } from "../../worker/spec.js";
import { findingsText } from "../commands/doctor.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { backendOverride } from "../lookup/backend-override.js";
import { backendNeeds } from "../machine/backend-needs.js";
import { type Finding, finding } from "../machine/doctor-checks.js";
import { impatient, keepSpeed, measureSpeed } from "../machine/measure-speed.js";
import { packageRoot, packageVersion, setupCommand } from "../machine/package.js";
import type { Terminal } from "../terminal.js";

/**
 * @param backend name or path, as in `backend.worker`
 * @throws {ConfigError} its file is missing or wrong
 */
export async function doctorBackend(
  backend: string,
  { json }: { readonly json: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const spec = readWorkerSpec(backend, packageRoot);
  const needs = [
    finding("launcher", true, launcherText(spec), ""),
    ...backendNeeds(spec).filter(({ ok }) => ok !== null),
  ];
  const isStarted = needs.every(({ ok }) => ok !== false);
  const { facts, findings } = isStarted
    ? await started(backend, spec, (text) => terminal.err(safeText(text)))
    : { facts: null, findings: [] };
  const all = [...needs, ...findings];
  const ok = all.every((one) => one.ok !== false);
  terminal.out(
    json ? JSON.stringify({ ok, backend: facts, findings: all }) : findingsText(all, terminal),
  );
  return ok ? exitCode.done : exitCode.environment;
}

function launcherText(spec: WorkerSpec): string {
  const engine = namedEngine(spec);
  return `${spec.launcher}${engine === null ? "" : `, engine ${engine}`}`;
}

interface Outcome {
  readonly facts: WorkerFacts | null;
  readonly findings: readonly Finding[];
}

async function started(
  backend: string,
  spec: WorkerSpec,
  tell: (text: string) => void,
): Promise<Outcome> {
  const began = performance.now();
  const onWaiting = (state: string) => tell(`waiting: ${state}`);
  const findings: Finding[] = [];
  let facts: WorkerFacts | null = null;
  let step = "worker handshake";
  try {
    const worker = await openSession(spec, { root: packageRoot, onWaiting });
    try {
      const { engine, version, protocol } = worker.hello;
      const seconds = formatNumber((performance.now() - began) / 1000, 1);
      const found = `engine ${engine}, worker ${version}, protocol ${protocol}, ${seconds} s`;
      findings.push(finding(step, true, found, ""));
      const server = runsHere(spec) ? await serverFinding(worker.hello) : null;
      if (server !== null) return { facts, findings: [...findings, server] };
      step = "load, rollout and update";
      const experiment = probedExperiment(backend, worker.hello);
      facts = await probeWorker(worker, experiment, () => performance.now() / 1000);
      findings.push(...factFindings(facts));
      step = "rates";
      if (spec.models === "transformers") {
        findings.push(...(await ratesFindings(backend, spec, worker, tell)));
      }
      return { facts, findings };
    } finally {
      await worker.close();
    }
  } catch (error) {
    const isExpected =
      error instanceof WorkerLost ||
      error instanceof WorkerFailure ||
      error instanceof EnvironmentError;
    if (!isExpected) throw error;
    const failed = finding(step, false, error.message, remedyOf(spec, error));
    return { facts, findings: [...findings, failed] };
  }
}

/** Of an engine that takes its part from a server; null: there is none, or it answers. */
async function serverFinding({ engine_options }: Worker["hello"]): Promise<Finding | null> {
  const options = engine_options.properties as Readonly<Record<string, { default?: unknown }>>;
  const url = options?.url?.default;
  if (typeof url !== "string") return null;
  try {
    // Before the worker imports torch, which takes longer. Whatever it answers, it is there.
    await fetch(url, { signal: AbortSignal.timeout(SERVER_MS) });
    return null;
  } catch (error) {
    const { cause, name } = error as Error & { cause?: { code?: string } };
    const why = cause?.code ?? (name === "TimeoutError" ? `within ${SERVER_MS / 1000} s` : name);
    return finding(
      "engine_options.url",
      false,
      `nothing answers at ${url} (${why})`,
      "Start the server that this engine needs (docs/backends.md); for one elsewhere set " +
        "backend.engine_options.url in the experiment.",
    );
  }
}

const SERVER_MS = 3000;

/** For `averse plan`: at widths from the built-in model's to GPT-2's. */
async function ratesFindings(
  backend: string,
  spec: WorkerSpec,
  worker: Worker,
  tell: (text: string) => void,
): Promise<Finding[]> {
  const clock = () => performance.now() / 1000;
  // What a worker elsewhere reads must lie in a folder that both have.
  const parent = runsHere(spec) ? tmpdir() : resolve("runs");
  const speed = await measureSpeed(backend, worker, { parent, clock, tell });
  const file = keepSpeed(speed);
  const rates = speed.points.map(({ width, forward, training }) => {
    const found =
      `${formatNumber(forward / 1e9, 1)} GFLOP/s without gradients, ` +
      `${formatNumber(training / 1e9, 1)} with`;
    return finding(`width ${width}`, true, found, "");
  });
  return [...rates, finding("rates", true, `kept for averse plan in ${file}`, "")];
}

/** A few episodes of the built-in model. */
function probedExperiment(backend: string, hello: Worker["hello"]): Experiment {
  const file = join(packageRoot, "configs", "experiments", "smoke.yaml");
  const { experiment } = loadExperiment(file, [
    backendOverride(backend),
    "arms=[rlhf]",
    "sft.steps=0",
    "evaluation.judges=[]",
    `training.algorithm=${hello.capabilities.critic ? "ppo" : "reinforce"}`,
    ...impatient(hello),
  ]);
  return experiment;
}

function factFindings(facts: WorkerFacts): Finding[] {
  const { devices, cores, capabilities, versions, seconds, tokens, episodes } = facts;
  const has = Object.entries(capabilities).flatMap(([name, there]) => (there ? [name] : []));
  const lacks = Object.keys(capabilities).filter((name) => !has.includes(name));
  const perSecond = formatCount(Math.round(tokens / seconds.rollout));
  return [
    ...devices.map(({ name, description, memory_bytes }) => {
      const memory = memory_bytes === null ? `${cores} cores` : formatBytes(memory_bytes);
      return finding(`device ${name}`, true, `${description}, ${memory}`, "");
    }),
    finding(
      "capabilities",
      true,
      `${has.join(", ")}${lacks.length === 0 ? "" : `; not ${lacks.join(", ")}`}`,
      "",
    ),
    ...Object.entries(versions).map(([name, version]) => finding(name, true, version, "")),
    finding(
      "load",
      true,
      `${formatCount(facts.parameters)} parameters on ${facts.device} (${facts.device_name}), ` +
        `${facts.dtype}, ${milliseconds(seconds.load)}, ${formatBytes(facts.memory_bytes)} of memory`,
      "",
    ),
    finding(
      "rollout",
      true,
      `${episodes} episodes, ${tokens} tokens, ${milliseconds(seconds.rollout)}, ${perSecond} tokens/s`,
      "",
    ),
    finding("update", true, `${episodes} episodes, ${milliseconds(seconds.update)}`, ""),
  ];
}

function milliseconds(seconds: number): string {
  return `${formatNumber(seconds * 1000, seconds < 0.1 ? 1 : 0)} ms`;
}

/** What is missing is in the message; how it is installed depends on where. */
function remedyOf(spec: WorkerSpec, error: Error): string {
  const missing = /No module named '([\w.]+)'/.exec(error.message)?.[1]?.split(".")[0];
  // A worker that answers says itself what to do.
  if (error instanceof WorkerFailure && missing === undefined) return "";
  const install = `python -m pip install averse-worker==${packageVersion()}`;
  if (spec.launcher === "ssh") {
    return missing === undefined
      ? "Try `ssh` with the same host by hand; ssh.folder must hold the package, ssh.python its packages."
      : `Install ${missing} on ${spec.ssh!.host}, in ${spec.ssh!.folder}: npm start, or ${install}.`;
  }
  if (spec.launcher === "ray") {
    return missing === undefined
      ? "Try `ray status` here; the nodes need the package's folder and its .venv, under the same paths."
      : `Install ${missing} into the Python that the nodes use: ${install}.`;
  }
  if (spec.launcher === "attach") {
    return "Start the worker where it shall run; what it prints there says more.";
  }
  if (spec.launcher === "slurm") {
    return missing === undefined
      ? "Try `srun` with the same options by hand; the nodes need the package's folder and its .venv."
      : `Install ${missing} into the Python that the nodes use: ${install}.`;
  }
  if (spec.launcher === "container") {
    const { runtime, image } = spec.container!;
    const get = runtime === "apptainer" ? `apptainer pull ${image}` : `${runtime} pull ${image}`;
    return missing === undefined
      ? `If the image is missing: ${get}; if the daemon is not running, start it.`
      : `Build an image that has ${missing}: ${install}.`;
  }
  return missing === undefined
    ? `The worker's last lines say more; \`${setupCommand}\` repairs a broken environment.`
    : `Install ${missing} into the worker's Python: ${setupCommand}, or ${install}.`;
}
