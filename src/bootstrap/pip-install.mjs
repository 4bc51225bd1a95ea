/** pip, with its output read for what it has in hand. */
import { join } from "node:path";
import { runCaptured } from "./child.mjs";

const command = [
  "-m",
  "pip",
  "install",
  "--progress-bar",
  "off",
  "--no-input",
  "--disable-pip-version-check",
];

/**
 * Installs this checkout, editable, with its pinned dependencies.
 *
 * @param {string} python of the environment
 * @param {string} root
 * @param {readonly string[]} extras
 * @param {(name: string) => void} onPackage
 * @param {(pid: number | null) => void} onChild
 */
export function pipInstall(python, root, extras, onPackage, onChild) {
  const target = extras.length === 0 ? "." : `.[${extras.join(",")}]`;
  return runCaptured([python, ...command, "-c", join("python", "constraints.txt"), "-e", target], {
    cwd: root,
    env: cleanEnvironment(),
    onStart: onChild,
    onLine: (line) => {
      const now = currentPackage(line);
      if (now !== null) onPackage(now);
    },
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
export function cleanEnvironment() {
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
