/** Whether a virtual environment holds what the worker requires. */
import { spawnSync } from "node:child_process";

/** Runs in the environment itself; prints its version and what is wrong, as JSON. */
const program = `
import importlib.metadata as metadata, json, pathlib, platform, sys, sysconfig, tomllib
from urllib.parse import unquote, urlparse
from pip._vendor.packaging.requirements import Requirement

root, how, extras = pathlib.Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:]
project = tomllib.loads((root / "pyproject.toml").read_text("utf8"))["project"]
wanted = [Requirement(line) for line in project["dependencies"]]
for extra in extras:
    wanted += [Requirement(line) for line in project["optional-dependencies"][extra]]
pins = {}
for line in (root / "python" / "constraints.txt").read_text("utf8").splitlines():
    if "pinned" in how and line.strip() and not line.startswith("#"):
        pin = Requirement(line)
        pins[pin.name.lower().replace("_", "-")] = pin.specifier
# Only what pip put there: an editable installation leaves an egg-info beside the sources, too.
folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
installed = {}
missing, problems = [], []
for package in metadata.distributions(path=list(folders)):
    name = package.name.lower().replace("_", "-")
    installed[name] = package
    # pip writes RECORD last: without it an installation was aborted.
    if package.read_text("RECORD") is None:
        problems.append(f"{name} is only half installed")
for requirement in wanted:
    name = requirement.name.lower().replace("_", "-")
    if name not in installed:
        missing.append(name)
        continue
    version = installed[name].version
    for specifier in (requirement.specifier, pins.get(name)):
        if specifier is not None and not specifier.contains(version, prereleases=True):
            problems.append(f"{name} is {version}, wanted {specifier}")
own = installed.get(project["name"])
if "editable" not in how:
    pass
elif own is None:
    missing.append(project["name"])
else:
    origin = json.loads(own.read_text("direct_url.json") or "{}")
    folder = pathlib.Path(unquote(urlparse(origin.get("url", "")).path))
    if not origin.get("dir_info", {}).get("editable") or folder.resolve() != root.resolve():
        problems.append(f"{project['name']} is installed from {folder}, not from this checkout")
print(json.dumps({"version": platform.python_version(), "missing": missing, "problems": problems}))
`;

/**
 * @typedef {object} Probe
 * @property {string} version of the interpreter
 * @property {string[]} missing packages that pip can add
 * @property {string[]} problems that only a new environment is rid of
 */

/**
 * @param {string} python the environment's interpreter
 * @param {string} root
 * @param {readonly string[]} extras
 * @param {{ editable: boolean, pinned: boolean }} [how] whether the package itself is to be installed from
 *   root, and the others in the versions of python/constraints.txt
 * @returns {Probe | null} null where it does not even run
 */
export function probePackages(python, root, extras, how = { editable: true, pinned: true }) {
  const words = [...(how.editable ? ["editable"] : []), ...(how.pinned ? ["pinned"] : [])].join();
  const answer = spawnSync(python, ["-I", "-c", program, root, words, ...extras], {
    encoding: "utf8",
    timeout: 60_000,
  });
  if (answer.status !== 0) return null;
  const probe = JSON.parse(answer.stdout);
  // Dependencies of dependencies: pip's own check, of use once the direct ones are there.
  if (probe.missing.length > 0) return probe;
  const check = spawnSync(python, ["-I", "-m", "pip", "check"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  if (check.status !== 0) probe.problems.push(...check.stdout.trim().split("\n"));
  return probe;
}

/**
 * @param {string} python
 * @returns {string | null} its version; null where it does not run
 */
export function interpreterVersion(python) {
  const question = "import platform; print(platform.python_version())";
  const { status, stdout } = spawnSync(python, ["-I", "-c", question], {
    encoding: "utf8",
    timeout: 30_000,
  });
  return status === 0 ? stdout.trim() : null;
}
