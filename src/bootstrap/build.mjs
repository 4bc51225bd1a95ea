/** dist/ from src/, compiled anew when a source or the compiler's settings changed. */
import { readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { runCaptured } from "./child.mjs";
import { filesUnder, fingerprint, readMark, writeMark } from "./fingerprint.mjs";
import { beginStep } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";

/** @param {string} root */
export async function ensureBuilt(root) {
  const wanted = sourceFingerprint(root);
  const markFile = join(root, "dist", ".averse-ready");
  if (readMark(markFile) === wanted) return;

  const step = beginStep("Building");
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { code, lines } = await runCaptured([process.execPath, compiler, "-p", "tsconfig.json"], {
    cwd: root,
  });
  if (code !== 0) {
    step.failed();
    throw new SetupError("The sources do not compile: see the compiler's lines above.", lines);
  }
  writeMark(markFile, wanted);
  step.done("dist/ is current");
}

/** @param {string} root */
export function sourceFingerprint(root) {
  const files = filesUnder(join(root, "src"), [".ts", ".tsx", ".js", ".mjs", ".json"]);
  const settings = ["tsconfig.json", "package-lock.json"].map((name) => join(root, name));
  return fingerprint(
    [...files, ...settings].flatMap((file) => [relative(root, file), readFileSync(file, "utf8")]),
  );
}
