/** Models on the Hugging Face hub, looked up by the worker's Python: it has the hub's client and login. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { HubModel, HubQuery } from "../../preflight/preflight.js";
import { pythonPath } from "../../worker/launch.js";
import { packageRoot } from "./package.js";

/** Of all look-ups together; each request has a limit of its own in the script. */
const timeoutMs = 45_000;

const module = "averse_worker.models.hub_lookup";

/**
 * @param environment that the worker's spec adds to this process's
 * @returns one answer per query; where nobody could be asked, why
 */
export async function lookUpModels(
  queries: readonly HubQuery[],
  environment: Readonly<Record<string, string>>,
): Promise<readonly HubModel[]> {
  const asked = queries.map(({ model, revision }) => ({ model, revision }));
  const answer = await run(JSON.stringify(asked), environment);
  if (typeof answer !== "string") return answer;
  return queries.map(() => ({ state: "unknown", why: answer }));
}

function run(
  input: string,
  environment: Readonly<Record<string, string>>,
): Promise<readonly HubModel[] | string> {
  return new Promise((resolve) => {
    let python: string;
    try {
      python = pythonPath(packageRoot);
    } catch (error) {
      resolve((error as Error).message);
      return;
    }
    const child = spawn(python, ["-m", module], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...environment, PYTHONPATH: join(packageRoot, "python") },
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
      if (code === 0) resolve(JSON.parse(out) as readonly HubModel[]);
      else if (signal === "SIGKILL") resolve(`no answer within ${timeoutMs / 1000} s`);
      else resolve(err.trim().split("\n").at(-1) || `it ended with status ${code}`);
    });
  });
}
