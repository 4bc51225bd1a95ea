/** `npm start`: sets everything up, then runs the quickstart; further arguments go to `averse run`. */
import { requireNode } from "./require-node.mjs";

requireNode();
const { dirname, join } = await import("node:path");
const { fileURLToPath } = await import("node:url");
const { runInForeground } = await import("./child.mjs");
const { venvPython } = await import("./python-packages.mjs");
const { afterSetup } = await import("./setup.mjs");

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

await afterSetup(root, [], () =>
  runInForeground(
    [
      process.execPath,
      join(root, "dist", "main.js"),
      "run",
      join("configs", "experiments", "quickstart.yaml"),
      ...process.argv.slice(2),
    ],
    root,
    // AVERSE_PYTHON named the Python to make .venv with; the worker runs in .venv itself.
    { ...process.env, AVERSE_PYTHON: venvPython(root) },
  ),
);
