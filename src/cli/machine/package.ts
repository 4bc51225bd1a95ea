import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the package: configs, python and .venv lie in it. */
export const packageRoot = fileURLToPath(new URL("../../..", import.meta.url));

/** As package.json says. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    version: string;
  };
  return manifest.version;
}
