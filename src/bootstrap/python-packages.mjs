/**
 * An environment with the worker's Python packages: .venv of a checkout, or a user's of an installed
 * Averse. Marked in averse-ready.json once complete. Without a fitting mark a look inside decides: all
 * there → marked; packages missing → added; anything half installed, of another version, broken, or
 * moved from elsewhere → made anew.
 */
import { lstatSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { runCaptured } from "./child.mjs";
import { findPython } from "./find-python.mjs";
import { fingerprint, readMark, writeMark } from "./fingerprint.mjs";
import { cleanEnvironment, pipInstall } from "./pip-install.mjs";
import { beginStep } from "./progress.mjs";
import { interpreterVersion, probePackages } from "./python-probe.mjs";
import { pythonRequirements } from "./python-requirements.mjs";
import { SetupError } from "./setup-error.mjs";
import { isAtLeast } from "./versions.mjs";

/**
 * @typedef {object} Place
 * @property {string} root folder of the package, with pyproject.toml and python/constraints.txt
 * @property {string} folder of the environment
 * @property {string} interpreter in it, once it is there
 * @property {boolean} editable the package itself is installed, from root: a checkout's. Else only what
 *   it requires: nothing is written to root, which may be read-only
 * @property {boolean} pinned in the versions of python/constraints.txt, else in any that pyproject.toml takes
 * @property {"pip" | "uv"} installer
 * @property {import("./find-python.mjs").Choice | null} madeWith null: AVERSE_PYTHON, or a Python on PATH
 */

/** @param {string} root */
export function venvPython(root) {
  return join(root, ".venv", "bin", "python");
}

/** Written last: an environment with it is complete. */
const readyFile = "averse-ready.json";

/**
 * @param {string} root
 * @param {readonly string[]} extras of pyproject.toml: cuda, dev, recipe
 * @param {(pid: number | null) => void} onChild
 */
export function ensurePythonPackages(root, extras, onChild) {
  // A choice that cannot be followed is reported even where .venv exists.
  if (process.env.AVERSE_PYTHON) findPython();
  return ensureEnvironment(
    {
      root,
      folder: join(root, ".venv"),
      interpreter: venvPython(root),
      editable: true,
      pinned: true,
      installer: "pip",
      madeWith: null,
    },
    extras,
    onChild,
  );
}

/**
 * @param {Place} place
 * @param {readonly string[]} extras
 * @param {(pid: number | null) => void} onChild
 */
export async function ensureEnvironment(place, extras, onChild) {
  const { root, folder, interpreter, madeWith } = place;
  const markFile = join(folder, readyFile);
  const version = interpreterVersion(interpreter);
  const chosen = madeWith === null ? null : findPython(process.env, madeWith).version;
  const usable =
    version !== null && isAtLeast(version, [3, 11]) && (chosen === null || chosen === version);
  const known = usable ? markedExtras(readMark(markFile), placeFingerprint(place, version)) : null;
  if (known !== null && extras.every((extra) => known.includes(extra))) return;

  const wanted = [...new Set([...(known || []), ...extras])];
  const probe = usable ? probePackages(interpreter, root, wanted, place) : null;
  if (probe !== null && probe.problems.length === 0) {
    if (probe.missing.length === 0) return mark(place, probe.version, wanted);
    rmSync(markFile, { force: true });
    try {
      if (await install(place, wanted, "Adding the missing Python packages", onChild)) return;
    } catch (error) {
      restoreMark(place, known);
      throw error;
    }
  }
  await makeEnvironment(place);
  if (!(await install(place, extras, "Installing the Python packages", onChild))) {
    throw new SetupError(
      `The new ${environmentName(place)} does not hold what pyproject.toml and python/constraints.txt require: the two files contradict each other.`,
    );
  }
}

/**
 * What could not be added, for want of a network or a fitting version, has mostly changed nothing.
 *
 * @param {Place} place
 * @param {readonly string[] | null} extras that were there before
 */
function restoreMark(place, extras) {
  if (extras === null) return;
  const probe = probePackages(place.interpreter, place.root, extras, place);
  if (probe === null || probe.missing.length + probe.problems.length > 0) return;
  mark(place, probe.version, extras);
}

/**
 * Of a checkout's environment.
 *
 * @param {string} root
 * @param {string} version of the interpreter
 */
export function pythonFingerprint(root, version) {
  return fingerprint([...requirementTexts(root), version, root]);
}

/**
 * @param {Place} place
 * @param {string} version of the interpreter
 */
function placeFingerprint({ root, editable, pinned }, version) {
  // An installed package may be moved, or lie in another of npx's folders: nothing there names it.
  return editable
    ? pythonFingerprint(root, version)
    : fingerprint([...requirementTexts(root), version, pinned ? "pinned" : "newest"]);
}

/**
 * Anything of pyproject.toml that changes what is installed; settings of ruff or mypy do not.
 *
 * @param {string} root
 */
function requirementTexts(root) {
  const project = readFileSync(join(root, "pyproject.toml"), "utf8")
    .split(/^(?=\[)/m)
    .filter((section) => !section.startsWith("[tool.") || section.startsWith("[tool.setuptools"))
    .join("");
  return [project, readFileSync(join(root, "python", "constraints.txt"), "utf8")];
}

/**
 * @param {unknown} mark
 * @param {string} wanted
 * @returns {string[] | null} extras that are installed; null where the mark does not fit
 */
export function markedExtras(mark, wanted) {
  if (typeof mark !== "object" || mark === null) return null;
  const { fingerprint: found, extras } = /** @type {Record<string, unknown>} */ (mark);
  return found === wanted && Array.isArray(extras) ? extras.map(String) : null;
}

/** @param {Place} place */
async function makeEnvironment({ folder, editable, madeWith }) {
  const { program, version } = madeWith === null ? findPython() : findPython(process.env, madeWith);
  const name = environmentName({ folder, editable });
  if (exists(folder)) {
    const step = beginStep(`Removing the old or unfinished ${name}`);
    rmSync(folder, { recursive: true, force: true });
    step.done("removed");
  }
  const step = beginStep(`Making ${name} with Python ${version}`);
  mkdirSync(dirname(folder), { recursive: true });
  const { code, lines } = await runCaptured([program, "-m", "venv", folder], {
    cwd: dirname(folder),
    env: cleanEnvironment(),
  });
  if (code !== 0) {
    step.failed();
    throw new SetupError(
      `${program} -m venv could not make ${folder}: install Python's venv module (Debian, Ubuntu: apt install python3-venv), check the free space of the disk, and run the command again.`,
      lines,
    );
  }
  step.done("ready");
}

/**
 * @param {Place} place
 * @param {readonly string[]} extras
 * @param {string} what
 * @param {(pid: number | null) => void} onChild
 * @returns {Promise<boolean>} false where pip was content and the environment still is not
 */
async function install(place, extras, what, onChild) {
  const { root, folder, interpreter, installer, pinned, editable } = place;
  const step = beginStep(installer === "pip" ? what : `${what} (${installer})`);
  const { code, lines } = await pipInstall(
    {
      python: interpreter,
      installer,
      wanted: wantedOf(place, extras),
      constraints: pinned ? join(root, "python", "constraints.txt") : null,
      cwd: editable ? root : folder,
    },
    step.detail,
    onChild,
  );
  onChild(null);
  if (code !== 0) {
    step.failed();
    throw new SetupError(
      `${installer} could not install the Python packages: check the connection to the package registry and the free space of the disk, and run the command again.`,
      lines,
    );
  }
  const probe = probePackages(interpreter, root, extras, place);
  if (probe === null || probe.missing.length + probe.problems.length > 0) {
    step.failed();
    const missing = probe === null ? [] : probe.missing.map((name) => `${name} is not installed`);
    for (const line of probe === null ? ["it does not run"] : [...missing, ...probe.problems]) {
      process.stderr.write(`  ${line}\n`);
    }
    return false;
  }
  mark(place, probe.version, extras);
  step.done("ready");
  return true;
}

/**
 * @param {Place} place
 * @param {readonly string[]} extras
 * @returns {string[]} what pip is to install
 */
function wantedOf({ root, interpreter, editable }, extras) {
  if (editable) return ["-e", extras.length === 0 ? "." : `.[${extras.join(",")}]`];
  const requirements = pythonRequirements(interpreter, root);
  return [...requirements.always, ...extras.flatMap((extra) => requirements.extras[extra] ?? [])];
}

/**
 * @param {Place} place
 * @param {string} version of the interpreter
 * @param {readonly string[]} extras
 */
function mark(place, version, extras) {
  writeMark(join(place.folder, readyFile), {
    fingerprint: placeFingerprint(place, version),
    extras,
    python: version,
  });
}

/** @param {Pick<Place, "folder" | "editable">} place */
function environmentName({ folder, editable }) {
  return editable ? basename(folder) : "environment";
}

/** @param {string} path */
function exists(path) {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
