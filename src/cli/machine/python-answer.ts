/** A module of the worker's package, asked once: it needs no torch and answers in JSON on stdout. */
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { pythonPath } from "../../worker/python-path.js";
import { filled } from "../../worker/spec.js";
import { packageRoot } from "./package.js";

/**
 * @param environment added to this process's, as in a worker's spec; folders of its PYTHONPATH come
 *   behind the package's own
 * @returns its answer; or, in words, why there is none
 */
export function pythonAnswer(
  module: string,
  args: readonly string[],
  input: string,
  environment: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<{ readonly json: unknown } | string> {
  return new Promise((resolve) => {
    let python: string;
    try {
      python = pythonPath(packageRoot);
    } catch (error) {
      resolve((error as Error).message);
      return;
    }
    const own = Object.fromEntries(
      Object.entries(environment).map(([name, text]) => [
        name,
        filled(text, { root: packageRoot, python }),
      ]),
    );
    const folders = [join(packageRoot, "python"), ...(own.PYTHONPATH?.split(delimiter) ?? [])];
    const child = spawn(python, ["-m", module, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...own, PYTHONPATH: folders.join(delimiter) },
    });
    // Not spawn's own timeout: its timer outlives a program that could not be started.
    const limit = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", (error) => {
      clearTimeout(limit);
      resolve(`${python} does not run: ${error.message}`);
    });
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      if (code === 0) resolve({ json: JSON.parse(out) });
      else if (signal === "SIGKILL") resolve(`no answer within ${timeoutMs / 1000} s`);
      else resolve(err.trim().split("\n").at(-1) || `it ended with status ${code}`);
    });
  });
}
