import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isCheckout } from "../../worker/python-path.js";

/** Folder of the package: configs and python lie in it, and a checkout's .venv. */
export const packageRoot = fileURLToPath(new URL("../../..", import.meta.url));

/** What a user runs to have everything that is missing. */
export const setupCommand = isCheckout(packageRoot) ? "npm start" : "averse setup";

/** What adds an extra of the Python package to the worker's environment. */
export function extraCommand(extra: string): string {
  return isCheckout(packageRoot)
    ? `.venv/bin/python -m pip install -e ".[${extra}]"`
    : `averse setup --extra ${extra}`;
}

/** As package.json says. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    version: string;
  };
  return manifest.version;
}
