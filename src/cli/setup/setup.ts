/**
 * `averse setup`: the worker's Python environment, with the user's data. Each version of Averse has one of
 * its own, so that one version's set-up never changes what another one runs with.
 */
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { forwardSignals, wasInterrupted } from "../../bootstrap/child.mjs";
import { findPython } from "../../bootstrap/find-python.mjs";
import { machineExtras } from "../../bootstrap/machine-extras.mjs";
import { uvVersion } from "../../bootstrap/pip-install.mjs";
import { ensureEnvironment } from "../../bootstrap/python-packages.mjs";
import { pythonRequirements } from "../../bootstrap/python-requirements.mjs";
import { SetupError } from "../../bootstrap/setup-error.mjs";
import { takeSetupLock } from "../../bootstrap/setup-lock.mjs";
import { nearestName } from "../../text/nearest-name.js";
import {
  environmentsFolder,
  environmentVersions,
  isCheckout,
  workerEnvironment,
} from "../../worker/python-path.js";
import { askOnTerminal, type Question } from "../ask-on-terminal.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { packageRoot, packageVersion } from "../machine/package.js";
import type { Terminal } from "../terminal.js";

export interface SetupOptions {
  /** Of pyproject.toml. */
  readonly extra: readonly string[];
  readonly python?: string;
  /** Any versions that the package takes, not those that it was tested with. */
  readonly newest: boolean;
  readonly installer?: "uv" | "pip";
  /** A version of Averse; true: all. */
  readonly remove?: string | true;
  /** Of removing. */
  readonly yes: boolean;
}

/**
 * @throws {UserError} in a checkout, for an unknown extra or version; of exit 3: a step failed
 */
export async function setup(options: SetupOptions, terminal: Terminal): Promise<ExitCode> {
  if (isCheckout(packageRoot)) {
    throw new UserError(
      `${packageRoot} is a checkout: \`npm start\` there makes its environment, .venv. \`averse setup\` is for an installed Averse.`,
    );
  }
  if (options.remove !== undefined) return remove(options.remove, options.yes, terminal);
  forwardSignals();
  try {
    const done = await locked(terminal, (onChild) => install(options, onChild, terminal));
    return done && !wasInterrupted() ? exitCode.done : interrupted(terminal);
  } catch (error) {
    if (wasInterrupted()) return interrupted(terminal);
    if (!(error instanceof SetupError)) throw error;
    for (const line of error.details) terminal.err(`  ${line}`);
    throw new UserError(error.message, exitCode.environment, { cause: error });
  }
}

function interrupted(terminal: Terminal): ExitCode {
  terminal.err("Set-up interrupted; `averse setup` continues it.");
  return exitCode.interrupted;
}

/** @returns false: given up while another set-up had the lock */
async function locked(
  terminal: Terminal,
  work: (onChild: (pid: number | null) => void) => Promise<void>,
): Promise<boolean> {
  const lock = await takeSetupLock(
    environmentsFolder(),
    ({ pid }) => terminal.err(`Another set-up is running (process ${pid}); waiting for it …`),
    wasInterrupted,
  );
  if (lock === null) return false;
  try {
    await work(lock.setChild);
  } finally {
    lock.release();
  }
  return true;
}

async function install(
  { extra, python, newest, installer }: SetupOptions,
  onChild: (pid: number | null) => void,
  terminal: Terminal,
): Promise<void> {
  const madeWith = python === undefined ? null : { program: python, by: "--python " };
  const { program } = madeWith === null ? findPython() : findPython(process.env, madeWith);
  requireExtras(extra, Object.keys(pythonRequirements(program, packageRoot).extras));
  const uv = installer === "pip" ? null : uvVersion();
  if (installer === "uv" && uv === null) {
    throw new UserError(
      "--installer uv: there is no uv on PATH. Install it (https://docs.astral.sh/uv), or leave the option out.",
      exitCode.environment,
    );
  }
  const { folder, python: interpreter } = workerEnvironment(packageRoot);
  await ensureEnvironment(
    {
      root: packageRoot,
      folder,
      interpreter,
      editable: false,
      // vLLM needs a PyTorch of its own choice.
      pinned: !newest && !extra.includes("vllm"),
      installer: uv === null ? "pip" : "uv",
      madeWith,
    },
    [...extra, ...machineExtras()],
    onChild,
  );
  if (wasInterrupted()) return;
  terminal.out(readyText(folder));
}

function readyText(folder: string): string {
  const others = environmentVersions().filter((version) => version !== packageVersion());
  const old =
    others.length === 0
      ? []
      : [
          `Other versions' environments are still there: ${others.join(", ")}. \`averse setup --remove ${others[0]}\` removes one.`,
        ];
  const chosen = process.env.AVERSE_PYTHON;
  const aside = chosen
    ? [`AVERSE_PYTHON is set: runs use ${chosen} and not this environment.`]
    : [];
  return [
    `The environment of averse ${packageVersion()} is complete: ${folder}`,
    ...aside,
    ...old,
    "`averse doctor` checks it, `averse run quickstart` trains a first model.",
  ].join("\n");
}

function requireExtras(wanted: readonly string[], known: readonly string[]): void {
  const offered = known.filter((name) => !developersExtras.includes(name)).sort();
  for (const name of wanted) {
    if (offered.includes(name)) continue;
    const meant = nearestName(name, offered);
    throw new UserError(
      `--extra ${name}: there is ${offered.join(", ")}.${meant === null ? "" : ` Did you mean ${meant}?`}`,
    );
  }
}

/** For work on Averse itself. */
const developersExtras = ["dev", "recipe"];

async function remove(
  which: string | true,
  yes: boolean,
  terminal: Terminal,
  ask: Question = askOnTerminal,
): Promise<ExitCode> {
  const folder = environmentsFolder();
  const there = environmentVersions();
  const versions = which === true ? there : there.filter((version) => version === which);
  if (versions.length === 0) {
    const found = there.length === 0 ? "there is no environment" : `there is ${there.join(", ")}`;
    if (which === true) {
      terminal.out(`Nothing to remove: there is no environment in ${folder}.`);
      return exitCode.done;
    }
    throw new UserError(`--remove ${which}: in ${folder} ${found}.`);
  }
  const paths = versions.map((version) => join(folder, version));
  const agreed = yes || (await ask(`Remove ${paths.join(", ")}? Runs and models are kept. [y/N] `));
  if (agreed === null) {
    throw new UserError("there is no terminal to ask on: --yes removes without asking.");
  }
  if (!agreed) {
    terminal.err("Nothing was removed.");
    return exitCode.done;
  }
  await locked(terminal, async () => {
    for (const path of paths) rmSync(path, { recursive: true, force: true });
  });
  if (environmentVersions().length === 0) removeEmpty(folder);
  for (const path of paths) terminal.out(`removed ${path}`);
  return exitCode.done;
}

/** With the lock's own folder; what else the user keeps beside it stays. */
function removeEmpty(folder: string): void {
  rmSync(join(folder, ".averse"), { recursive: true, force: true });
  for (const place of [folder, dirname(folder)]) {
    if (existsSync(place) && readdirSync(place).length === 0) rmdirSync(place);
  }
}
