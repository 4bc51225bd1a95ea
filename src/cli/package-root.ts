import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the package: configs, python and .venv lie in it; this file in dist/cli or src/cli. */
export const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
