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
 * @param {readonly string[]} extras of pyproject.toml: dev, recipe
 * @param {(pid: number | null) => void} onChild
 */
export async function ensurePythonPackages(root, extras, onChild) {
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
      "The new .venv does not hold what pyproject.toml and python/constraints.txt ask for: the two files contradict each other.",
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
  const target = extras.length === 0 ? "." : `.[${extras.join(",")}]`;
  const { code, lines } = await runCaptured(
    [python, ...pipInstall, "-c", join("python", "constraints.txt"), "-e", target],
    {
      cwd: root,
      env: cleanEnvironment(),
      onStart: onChild,
      onLine: (line) => {
        const now = currentPackage(line);
        if (now !== null) step.detail(now);
      },
    },
  );
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

const pipInstall = [
  "-m",
  "pip",
  "install",
  "--progress-bar",
  "off",
  "--no-input",
  "--disable-pip-version-check",
];

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

/**
 * What a line of pip's output says is in hand.
 *
 * @param {string} line
 * @returns {string | null}
 */
export function currentPackage(line) {
  const collecting = /^\s*Collecting ([A-Za-z0-9._-]+)/.exec(line);
  if (collecting !== null && collecting[1] !== undefined) return collecting[1];
  const downloading = /^\s*Downloading (?:\S*\/)?([A-Za-z0-9_.]+?)-(\d\S*?)-\S+ (\(.+\))/.exec(
    line,
  );
  if (downloading !== null) return `${downloading[1]} ${downloading[2]} ${downloading[3]}`;
  const installing = /^Installing collected packages: (.+)$/.exec(line);
  if (installing !== null && installing[1] !== undefined) {
    return `unpacking ${installing[1].split(",").length} packages`;
  }
  return null;
}

/** Settings of a user's other Pythons and pips that would lead this one astray. */
function cleanEnvironment() {
  const env = { ...process.env };
  for (const name of [
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
  ]) {
    delete env[name];
  }
  return { ...env, PYTHONUNBUFFERED: "1" };
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
