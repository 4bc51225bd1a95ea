import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { gitState } from "../../../src/cli/machine/provenance.js";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "averse-git-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function checkout(): {
  root: string;
  git: (...args: string[]) => string;
  write: (name: string, text: string) => void;
} {
  const root = folder();
  const git = (...args: string[]) => {
    const identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    const { status, stdout, stderr } = spawnSync("git", ["-C", root, ...identity, ...args], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  git("init", "-q");
  write("code", "one");
  write(".gitignore", "ignored\n");
  git("add", ".");
  git("commit", "-q", "-m", "first");
  return { root, git, write };
}

test("a clean checkout is its commit", () => {
  const { root, git, write } = checkout();
  write("ignored", "anything");
  expect(gitState(root)).toEqual({ commit: git("rev-parse", "HEAD"), diff_sha256: null });
});

test("every change that is not committed has a digest of its own, and the same one twice", () => {
  const { root, git, write } = checkout();
  const diff = () => gitState(root)!.diff_sha256;
  write("code", "two");
  const changed = diff();
  expect(changed).toMatch(/^[0-9a-f]{64}$/);
  expect(diff()).toBe(changed);
  git("add", "code");
  expect(diff()).toBe(changed);
  write("new file\twith odd name", "1");
  const added = diff();
  write("new file\twith odd name", "2");
  const other = diff();
  expect(new Set([changed, added, other]).size).toBe(3);
  git("stash", "-q", "-u");
  expect(diff()).toBeNull();
});

test("no checkout, and a folder inside of another one's, have none", () => {
  expect(gitState(folder())).toBeNull();
  const { root } = checkout();
  const inside = join(root, "packages");
  mkdirSync(inside);
  expect(gitState(inside)).toBeNull();
});
