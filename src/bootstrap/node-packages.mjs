/** node_modules as package-lock.json says, made anew unless marked as complete. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCaptured } from "./child.mjs";
import { fingerprint, readMark, writeMark } from "./fingerprint.mjs";
import { beginStep } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";

/**
 * @param {string} root
 * @param {(pid: number | null) => void} onChild
 */
export async function ensureNodePackages(root, onChild) {
  const wanted = nodeFingerprint(root);
  const markFile = join(root, "node_modules", ".averse-ready");
  if (readMark(markFile) === wanted && missingPackages(root).length === 0) return;

  rmSync(markFile, { force: true });
  const step = beginStep("Installing the node packages (npm ci)");
  const { code, lines } = await runCaptured(
    [...npm(), "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=http"],
    {
      cwd: root,
      keepLines: 400,
      onStart: onChild,
      onLine: (line) => {
        const fetched = /http fetch GET \d+ \S*\/([^/]+)\.tgz/.exec(line);
        if (fetched !== null && fetched[1] !== undefined) step.detail(fetched[1]);
      },
    },
  );
  onChild(null);
  if (code !== 0) {
    step.failed();
    throw new SetupError(
      "npm ci could not install the node packages: check the connection to the npm registry (npm ping) and run the command again.",
      causeLines(lines),
    );
  }
  writeMark(markFile, wanted);
  step.done("ready");
}

/**
 * npm says what is wrong first, and how to call it, at length, after that.
 *
 * @param {readonly string[]} lines
 */
function causeLines(lines) {
  const errors = lines.filter((line) => /^npm (error|ERR!)\s*\S/.test(line));
  return (errors.length > 0 ? errors : lines).slice(0, 12);
}

/** @param {string} root */
export function nodeFingerprint(root) {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  return fingerprint([lock, process.versions.node, process.platform, process.arch]);
}

/**
 * A marked folder that somebody cleaned up in part is not complete.
 *
 * @param {string} root
 * @returns {string[]} direct dependencies that are not there
 */
export function missingPackages(root) {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    (name) => !existsSync(join(root, "node_modules", name, "package.json")),
  );
}

/** The npm that started us, else the one on PATH. */
function npm() {
  const script = process.env.npm_execpath;
  return script?.endsWith("npm-cli.js") && existsSync(script)
    ? [process.execPath, script]
    : ["npm"];
}
