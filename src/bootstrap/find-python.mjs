/** A Python that can make the worker's virtual environment. */
import { spawnSync } from "node:child_process";
import { SetupError } from "./setup-error.mjs";
import { isAtLeast } from "./versions.mjs";

const minimum = [3, 11];
/** Newest that the pinned packages have wheels for; a newer one is taken only for want of another. */
const beyond = [3, 15];
const names = ["python3", "python3.13", "python3.12", "python3.11", "python3.14", "python"];

const question =
  "import sys, platform\n" +
  "print(platform.python_version(), sys.executable, sep='\\n')\n" +
  "import venv, ensurepip";

/**
 * @typedef {object} Python
 * @property {string} program what to call
 * @property {string} version
 */

/**
 * @typedef {object} Choice a Python that the user named, instead of those on PATH
 * @property {string} program
 * @property {string} by how it was named, as in `AVERSE_PYTHON=`
 */

/**
 * @param {NodeJS.ProcessEnv} [environment]
 * @param {Choice | null} [choice]
 * @returns {Python}
 * @throws {SetupError} none, too old, or without venv
 */
export function findPython(environment = process.env, choice = chosenIn(environment)) {
  const chosen = choice?.program;
  /** @type {Python[]} */
  const late = [];
  /** @type {string[]} */
  const refused = [];
  for (const name of chosen ? [chosen] : names) {
    const answer = ask(name, environment);
    if (answer === null) continue;
    if (!isAtLeast(answer.version, minimum)) refused.push(`${name} is Python ${answer.version}`);
    else if (!answer.complete) refused.push(`${name} (${answer.version}) has no venv module`);
    else if (isAtLeast(answer.version, beyond)) late.push(answer);
    else return answer;
  }
  if (late[0] !== undefined) return late[0];
  throw new SetupError(refusal(choice, refused));
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Choice | null}
 */
function chosenIn({ AVERSE_PYTHON }) {
  return AVERSE_PYTHON ? { program: AVERSE_PYTHON, by: "AVERSE_PYTHON=" } : null;
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} environment
 */
function ask(name, environment) {
  const { PYTHONHOME: _home, PYTHONPATH: _path, ...env } = environment;
  const { status, stdout } = spawnSync(name, ["-I", "-c", question], {
    encoding: "utf8",
    env,
    timeout: 30_000,
  });
  const [version, program] = (stdout || "").trim().split("\n");
  if (!version || !/^\d+\.\d+/.test(version)) return null;
  return { program: program || name, version, complete: status === 0 };
}

/**
 * @param {Choice | null} choice
 * @param {readonly string[]} refused
 */
function refusal(choice, refused) {
  const found = refused.length > 0 ? ` (${refused.join(", ")})` : "";
  if (choice !== null) {
    return `${choice.by}${choice.program} is not a Python 3.11 or newer with venv${found}: correct it, or ${choice.by.startsWith("--") ? "leave it out" : "unset it"} to search PATH.`;
  }
  if (refused.some((reason) => reason.endsWith("no venv module"))) {
    return `Python's venv module is missing${found}: install it (Debian, Ubuntu: apt install python3-venv) and run the command again.`;
  }
  return `Averse needs Python 3.11 or newer and none was found${found}: install one (https://www.python.org, apt install python3.11-venv, brew install python@3.13) or name one with AVERSE_PYTHON=/path/to/python3, and run the command again.`;
}
