/** `npm run assets -- --data DIR`: makes the built-in models again from text on disk. */
import { begin } from "./begin.mjs";

const { root, python, afterSetup } = await begin();
const { join } = await import("node:path");
const { runInForeground } = await import("./child.mjs");

const given = process.argv.slice(2);
const out = given.includes("--out") ? [] : ["--out", join("python", "averse_worker", "assets")];

await afterSetup(["recipe"], () =>
  runInForeground([python, "-m", "averse_recipe", ...given, ...out], root, {
    ...process.env,
    PYTHONPATH: join(root, "python"),
  }),
);
