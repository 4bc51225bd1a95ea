/**
 * .venv with the pinned Python packages. Marked in .venv/averse-ready.json once complete. Without
 * a fitting mark a look inside decides: all there → marked; packages missing → added; anything
 * half installed, of another version, broken, or moved from elsewhere → made anew.
 */
import { lstatSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCaptured } from "./child.mjs";
import { findPython } from "./find-python.mjs";
import { fingerprint, readMark, writeMark } from "./fingerprint.mjs";
import { cleanEnvironment, pipInstall } from "./pip-install.mjs";
import { beginStep } from "./progress.mjs";
import { interpreterVersion, probePackages } from "./python-probe.mjs";
import { SetupError } from "./setup-error.mjs";
import { isAtLeast } from "./versions.mjs";

/** @param {string} root */
export function venvPython(root) {
  return join(root, ".venv", "bin", "python");
}

/**
 * @param {string} root
 * @param {readonly string[]} extras of pyproject.toml: dev, gpu, recipe
 * @param {(pid: number | null) => void} onChild
 */
export async function ensurePythonPackages(root, extras, onChild) {
  // A choice that cannot be followed is reported even where .venv exists.
  if (process.env.AVERSE_PYTHON) findPython();
  const python = venvPython(root);
  const markFile = join(root, ".venv", "averse-ready.json");
  const version = interpreterVersion(python);
  const usable = version !== null && isAtLeast(version, [3, 11]);
  const known = usable ? markedExtras(readMark(markFile), pythonFingerprint(root, version)) : null;
  if (known !== null && extras.every((extra) => known.includes(extra))) return;

  const wanted = [...new Set([...(known || []), ...extras])];
  const probe = usable ? probePackages(python, root, wanted) : null;
  if (probe !== null && probe.problems.length === 0) {
    if (probe.missing.length === 0) return mark(root, probe.version, wanted);
    rmSync(markFile, { force: true });
    if (await install(root, wanted, "Adding the missing Python packages", onChild)) return;
  }
  await makeEnvironment(root);
  if (!(await install(root, extras, "Installing the Python packages", onChild))) {
    throw new SetupError(
      "The new .venv does not hold what pyproject.toml and python/constraints.txt require: the two files contradict each other.",
    );
  }
}

/**
 * Anything of pyproject.toml that changes what is installed; settings of ruff or mypy do not.
 *
 * @param {string} root
 * @param {string} version of the interpreter
 */
export function pythonFingerprint(root, version) {
  const project = readFileSync(join(root, "pyproject.toml"), "utf8")
    .split(/^(?=\[)/m)
    .filter((section) => !section.startsWith("[tool.") || section.startsWith("[tool.setuptools"))
    .join("");
  const constraints = readFileSync(join(root, "python", "constraints.txt"), "utf8");
  return fingerprint([project, constraints, version, root]);
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

/** @param {string} root */
async function makeEnvironment(root) {
  const { program, version } = findPython();
  const folder = join(root, ".venv");
  if (exists(folder)) {
    const step = beginStep("Removing the old or unfinished .venv");
    rmSync(folder, { recursive: true, force: true });
    step.done("removed");
  }
  const step = beginStep(`Making .venv with Python ${version}`);
  const { code, lines } = await runCaptured([program, "-m", "venv", folder], {
    cwd: root,
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
 * @param {string} root
 * @param {readonly string[]} extras
 * @param {string} what
 * @param {(pid: number | null) => void} onChild
 * @returns {Promise<boolean>} false where pip was content and the environment still is not
 */
async function install(root, extras, what, onChild) {
  const python = venvPython(root);
  const step = beginStep(what);
  const { code, lines } = await pipInstall(python, root, extras, step.detail, onChild);
  onChild(null);
  if (code !== 0) {
    step.failed();
    throw new SetupError(
      "pip could not install the Python packages: check the connection to the package registry and the free space of the disk, and run the command again.",
      lines,
    );
  }
  const probe = probePackages(python, root, extras);
  if (probe === null || probe.missing.length + probe.problems.length > 0) {
    step.failed();
    const missing = probe === null ? [] : probe.missing.map((name) => `${name} is not installed`);
    for (const line of probe === null ? ["it does not run"] : [...missing, ...probe.problems]) {
      process.stderr.write(`  ${line}\n`);
    }
    return false;
  }
  mark(root, probe.version, extras);
  step.done("ready");
  return true;
}

/**
 * @param {string} root
 * @param {string} version of the interpreter
 * @param {readonly string[]} extras
 */
function mark(root, version, extras) {
  writeMark(join(root, ".venv", "averse-ready.json"), {
    fingerprint: pythonFingerprint(root, version),
    extras,
    python: version,
  });
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
