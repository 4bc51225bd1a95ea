/** `npm start`: sets everything up, then runs the quickstart; further arguments go to `averse run`. */
import { begin } from "./begin.mjs";

const { root, python, afterSetup } = await begin();
const { join } = await import("node:path");
const { runInForeground } = await import("./child.mjs");

await afterSetup([], async () => {
  const code = await runInForeground(
    [
      process.execPath,
      join(root, "dist", "main.js"),
      "run",
      join("configs", "experiments", "quickstart.yaml"),
      ...process.argv.slice(2),
    ],
    root,
    // AVERSE_PYTHON named the Python to make .venv with; the worker runs in .venv itself.
    { ...process.env, AVERSE_PYTHON: python },
  );
  process.stderr.write("Here `averse` is `node dist/main.js`; `npm link` gives it its own name.\n");
  return code;
});
