/**
 * `npm run test:faults`: kills and stops runs at many points, and compares what becomes of them with
 * the undisturbed run. Arguments go to test/faults/main.mjs: `--short`, words of names, …
 */
import { begin } from "../../src/bootstrap/begin.mjs";

const { root, afterSetup } = await begin();
const { join } = await import("node:path");
const { runInForeground } = await import("../../src/bootstrap/child.mjs");

await afterSetup(["dev"], () =>
  runInForeground(
    [process.execPath, join(root, "test", "faults", "main.mjs"), ...process.argv.slice(2)],
    root,
  ),
);
