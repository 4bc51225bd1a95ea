/** What pyproject.toml asks for, read by a Python: it has a reader of TOML, Node has none. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const program = `
import json, pathlib, sys, tomllib
project = tomllib.loads(pathlib.Path(sys.argv[1]).read_text("utf8"))["project"]
print(json.dumps([project["dependencies"], project["optional-dependencies"]]))
`;

/**
 * @typedef {object} Requirements
 * @property {string[]} always
 * @property {Record<string, string[]>} extras
 */

/**
 * @param {string} python
 * @param {string} root folder of the package
 * @returns {Requirements}
 */
export function pythonRequirements(python, root) {
  const file = join(root, "pyproject.toml");
  const { status, stdout, stderr } = spawnSync(python, ["-I", "-c", program, file], {
    encoding: "utf8",
    timeout: 30_000,
  });
  if (status !== 0) throw new Error(`${python} cannot read ${file}: ${stderr.trim()}`);
  const [always, extras] = JSON.parse(stdout);
  return { always, extras };
}
