/** The probe in a real virtual environment, into which packages are put by hand. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findPython } from "../../src/bootstrap/find-python.mjs";
import { interpreterVersion, probePackages } from "../../src/bootstrap/python-probe.mjs";

const root = mkdtempSync(join(tmpdir(), "averse-probe-"));
const python = join(root, ".venv", "bin", "python");
let sitePackages = "";

const write = (path: string, text: string) => {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
};

/** As pip leaves a package; without RECORD where it was aborted. */
function put(
  name: string,
  version: string,
  files: Readonly<Record<string, string>> = { RECORD: "" },
) {
  const folder = join(sitePackages, `${name.replaceAll("-", "_")}-${version}.dist-info`);
  write(join(folder, "METADATA"), `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`);
  for (const [file, text] of Object.entries(files)) write(join(folder, file), text);
}

const editable = (folder: string) => ({
  RECORD: "",
  "direct_url.json": JSON.stringify({ url: `file://${folder}`, dir_info: { editable: true } }),
});

beforeAll(() => {
  write(
    join(root, "pyproject.toml"),
    '[project]\nname = "mine"\ndependencies = ["big_one>=2", "small"]\n[project.optional-dependencies]\ndev = ["tool"]\n',
  );
  write(join(root, "python", "constraints.txt"), "# pins\nbig-one==2.13.0\n");
  spawnSync(findPython().program, ["-m", "venv", join(root, ".venv")]);
  const { stdout } = spawnSync(
    python,
    ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
    {
      encoding: "utf8",
    },
  );
  sitePackages = stdout.trim();
}, 180_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("the probe", () => {
  beforeEach(() => {
    for (const name of [
      "big_one-2.13.0+cpu",
      "big_one-2.9.0",
      "small-1.0",
      "mine-0.1.0",
      "tool-3.0",
    ]) {
      rmSync(join(sitePackages, `${name}.dist-info`), { recursive: true, force: true });
    }
  });

  test("tells what is missing", () => {
    expect(probePackages(python, root, ["dev"])).toMatchObject({
      missing: ["big-one", "small", "tool", "mine"],
      problems: [],
    });
  });

  test("is content with all there: local builds, an egg-info beside the sources", () => {
    put("big-one", "2.13.0+cpu");
    put("small", "1.0");
    put("mine", "0.1.0", editable(root));
    write(join(root, "python", "mine.egg-info", "PKG-INFO"), "Name: mine\nVersion: 0.1.0\n");
    write(join(sitePackages, "mine.pth"), `${join(root, "python")}\n`);
    expect(probePackages(python, root, [])).toMatchObject({ missing: [], problems: [] });
  });

  test("finds other versions, broken-off installations, and another checkout's", () => {
    put("big-one", "2.9.0");
    put("small", "1.0", {});
    put("mine", "0.1.0", editable("/elsewhere"));
    expect(probePackages(python, root, [])!.problems).toEqual(
      expect.arrayContaining([
        "small is only half installed",
        "big-one is 2.9.0, wanted ==2.13.0",
        "mine is installed from /elsewhere, not from this checkout",
      ]),
    );
  });

  test("is silent where the interpreter does not run", () => {
    expect(probePackages("/nowhere/python", root, [])).toBeNull();
    expect(interpreterVersion("/nowhere/python")).toBeNull();
    expect(interpreterVersion(python)).toMatch(/^3\.\d+\.\d+/);
  });
});
