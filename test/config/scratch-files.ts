/** YAML files for one test, in a folder that goes away with it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "averse-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function scratchFile(content: string | Uint8Array, name = "x.yaml"): string {
  const file = join(scratchFolder(), name);
  writeFileSync(file, content);
  return file;
}
