/**
 * A checkout in a folder of its own with stubs for npm, Python and tsc on PATH: what the set-up
 * calls, in which order, and how it copes with what it finds, without installing anything.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished, vi } from "vitest";

const source = fileURLToPath(new URL("../../src/bootstrap/", import.meta.url));
const tests = fileURLToPath(new URL("..", import.meta.url));

export interface StubCheckout {
  readonly root: string;
  /** Calls of the stubs so far, and forgets them. */
  calls(): string[];
  write(path: string, text: string): void;
  has(path: string): boolean;
  remove(path: string): void;
}

/** All that PATH offers besides the stubs: the machine's own Pythons must not be found. */
const plainTools = ["sh", "dirname", "mkdir", "cp", "cat", "rm"];

export function stubCheckout(): StubCheckout {
  const root = mkdtempSync(join(tmpdir(), "averse-bootstrap-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const bin = join(root, "stub-bin");
  const log = join(root, "stub-calls");
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const tool = (name: string, text: string) => {
    write(join("stub-bin", name), text);
    chmodSync(join(bin, name), 0o755);
  };
  tool("npm", npmStub(log));
  tool("python3", pythonStub(log));
  tool("node", `#!/bin/sh\nexec "${process.execPath}" "$@"\n`);
  for (const name of plainTools) {
    symlinkSync(join(existsSync(`/bin/${name}`) ? "/bin" : "/usr/bin", name), join(bin, name));
  }
  vi.stubEnv("PATH", bin);
  for (const name of ["npm_execpath", "AVERSE_PYTHON", "STUB_FAIL"]) vi.stubEnv(name, undefined);
  onTestFinished(() => void vi.unstubAllEnvs());

  write(
    "package.json",
    JSON.stringify({ dependencies: { zod: "4" }, devDependencies: { typescript: "7" } }),
  );
  write("package-lock.json", "{}");
  write("tsconfig.json", "{}");
  write("src/main.ts", "export {};\n");
  write("pyproject.toml", '[project]\nname = "x"\n[tool.ruff]\nline-length = 100\n');
  write("python/constraints.txt", "torch==2.13.0\n");
  cpSync(source, join(root, "src", "bootstrap"), { recursive: true });
  for (const folder of ["suites", "bench"]) {
    cpSync(join(tests, folder), join(root, "test", folder), { recursive: true });
  }
  return {
    root,
    calls: () => {
      const calls = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
      rmSync(log, { force: true });
      return calls.filter((line) => line !== "");
    },
    write,
    has: (path) => existsSync(join(root, path)),
    remove: (path) => rmSync(join(root, path), { recursive: true, force: true }),
  };
}

/** Installs a zod without content and a compiler that copies stub-main.js to dist. */
function npmStub(log: string): string {
  return `#!/bin/sh
echo "npm $1" >> "${log}"
[ "$STUB_FAIL" = npm ] && { rm -rf node_modules; mkdir -p node_modules/zod; echo "npm error network" >&2; exit 1; }
rm -rf node_modules
mkdir -p node_modules/zod node_modules/typescript/bin
echo '{}' > node_modules/zod/package.json
echo '{}' > node_modules/typescript/package.json
cat > node_modules/typescript/bin/tsc <<'JS'
const fs = require("node:fs");
fs.appendFileSync(${JSON.stringify(log)}, "tsc\\n");
if (process.env.STUB_FAIL === "tsc") { console.log("src/main.ts(1,1): error TS1"); process.exit(2); }
fs.mkdirSync("dist", { recursive: true });
if (fs.existsSync("stub-main.js")) fs.copyFileSync("stub-main.js", "dist/main.js");
JS
`;
}

/**
 * A Python 3.12 that can make environments; their state is a file: what the probe answers, with
 * nothing installed before pip has run.
 */
export function pythonStub(log: string): string {
  return `#!/bin/sh
here="$(dirname "$0")"
case "$*" in
  *ensurepip*) printf '3.12.4\\n%s\\n' "$0" ;;
  *'project["dependencies"], '*) echo '[["zod-like>=1"],{"cuda":["reader-of-cuda>=1"]}]' ;;
  *tomllib*" cuda") cat "$here/../probe-cuda.json" 2>/dev/null || cat "$here/../probe.json" ;;
  *tomllib*) cat "$here/../probe.json" 2>/dev/null || echo '{"version":"3.12.4","missing":["torch"],"problems":[]}' ;;
  *"pip check"*) ;;
  *platform.python_version*) echo 3.12.4 ;;
  "-m venv "*)
    echo "venv" >> "${log}"
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *"pip install"*)
    for last; do :; done
    echo "pip $last" >> "${log}"
    [ "$STUB_FAIL" = pip ] && { echo "ERROR: no network" >&2; exit 1; }
    echo '{"version":"3.12.4","missing":[],"problems":[]}' > "$here/../probe.json" ;;
  *) echo "python $*" >> "${log}" ;;
esac
exit 0
`;
}
