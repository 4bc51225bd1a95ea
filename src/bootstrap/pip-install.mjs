/** pip or uv, with its output read for what it has in hand. */
import { spawnSync } from "node:child_process";
import { runCaptured } from "./child.mjs";

const pip = [
  "-m",
  "pip",
  "install",
  "--progress-bar",
  "off",
  "--no-input",
  "--disable-pip-version-check",
];

/** @returns {string | null} version of the uv on PATH */
export function uvVersion() {
  const { status, stdout } = spawnSync("uv", ["--version"], { encoding: "utf8", timeout: 30_000 });
  return status === 0 ? (/\d+\.\d+\S*/.exec(stdout)?.[0] ?? null) : null;
}

/**
 * Installs into an environment.
 *
 * @param {object} what
 * @param {string} what.python of the environment
 * @param {"pip" | "uv"} what.installer
 * @param {readonly string[]} what.wanted requirements, or what else pip takes
 * @param {string | null} what.constraints file of versions; null: any that fit
 * @param {string} what.cwd
 * @param {(name: string) => void} onPackage
 * @param {(pid: number | null) => void} onChild
 */
export function pipInstall({ python, installer, wanted, constraints, cwd }, onPackage, onChild) {
  const command =
    installer === "uv" ? ["uv", "pip", "install", "--python", python] : [python, ...pip];
  const versions = constraints === null ? [] : ["-c", constraints];
  return runCaptured([...command, ...versions, ...wanted], {
    cwd,
    env: cleanEnvironment(),
    onStart: onChild,
    onLine: (line) => {
      const now = currentPackage(line);
      if (now !== null) onPackage(now);
    },
  });
}

/**
 * What a line of pip's or uv's output says is in hand.
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
  const byUv = /^\s*Downloading ([A-Za-z0-9_.-]+ \(.+\))$/.exec(line);
  if (byUv !== null && byUv[1] !== undefined) return byUv[1];
  const prepared = /^(?:Resolved|Prepared) (\d+) packages?/.exec(line);
  if (prepared !== null) return `unpacking ${prepared[1]} packages`;
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
