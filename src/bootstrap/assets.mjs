/** `npm run assets -- --data DIR`: makes the built-in models again from text on disk. */
import { requireNode } from "./require-node.mjs";

requireNode();
const { dirname, join } = await import("node:path");
const { fileURLToPath } = await import("node:url");
const { runInForeground } = await import("./child.mjs");
const { venvPython } = await import("./python-packages.mjs");
const { afterSetup } = await import("./setup.mjs");

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const given = process.argv.slice(2);
const out = given.includes("--out") ? [] : ["--out", join("python", "averse_worker", "assets")];

await afterSetup(root, ["recipe"], () =>
  runInForeground([venvPython(root), "-m", "averse_recipe", ...given, ...out], root, {
    ...process.env,
    PYTHONPATH: join(root, "python"),
  }),
);
