/** Artifacts on disk: kept by digest, found again, made once by whoever comes first. */
import { type ChildProcess, spawn } from "node:child_process";
import type * as fs from "node:fs";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  ArtifactStore,
  artifactDigests,
  removeArtifact,
  unfinishedArtifacts,
} from "../../src/artifacts/artifact-store.js";
import type { ArtifactBuild, ArtifactObserver } from "../../src/engine/ports.js";
import { sha256Of } from "../../src/system/sha256.js";
import { giveAway, withoutPrivileges } from "../unprivileged.js";

let diskIsFull = false;

vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const writeFileSync = (...args: Parameters<typeof fs.writeFileSync>): void => {
    if (diskIsFull) throw Object.assign(new Error("write"), { code: "ENOSPC" });
    real.writeFileSync(...args);
  };
  return { ...real, writeFileSync };
});

const digest = "d".repeat(64);
const wanted = {
  digest,
  kind: "classifier",
  name: "toxicity",
  inputs: { data: { a: "1" } },
} as const;
const now = () => new Date(Date.UTC(2026, 0, 1));

const root = mkdtempSync(join(tmpdir(), "averse-artifacts-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function freshFolder(): string {
  folders += 1;
  return join(root, `kept-${folders}`);
}

/** Long enough that others have their turn. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function storeIn(directory: string, fresh = false): ArtifactStore {
  return new ArtifactStore(directory, { fresh, now, wait: turn });
}

function observer(): ArtifactObserver & { readonly said: string[] } {
  const said: string[] = [];
  return {
    said,
    waiting: (holder) => said.push(`waiting for ${holder}`),
    damaged: (message) => said.push(message),
    abandoned: new AbortController().signal,
  };
}

/** Writes one file, in a folder of its own. */
function making(text: string): ArtifactBuild & { readonly times: () => number } {
  let times = 0;
  const make: ArtifactBuild = async (folder) => {
    times += 1;
    mkdirSync(join(folder, "deep"));
    writeFileSync(join(folder, "deep", "weights.bin"), text);
    const files = { "deep/weights.bin": sha256Of(text) };
    return { files, bytes: text.length, seconds: 7, result: { figures: { accuracy: 0.9 } } };
  };
  return Object.assign(make, { times: () => times });
}

describe("an artifact", () => {
  test("is made once, and found by another store as it was made", async () => {
    const directory = freshFolder();
    const make = making("weights");
    const made = await storeIn(directory).obtain(wanted, make, observer());
    expect(made.reused).toBe(false);
    const again = await storeIn(directory).obtain(wanted, make, observer());
    expect(again).toEqual({ artifact: made.artifact, reused: true });
    expect(make.times()).toBe(1);
    expect(made.artifact).toMatchObject({ ...wanted, bytes: 7, seconds: 7 });
    expect(readFileSync(join(made.artifact.folder, "deep/weights.bin"), "utf8")).toBe("weights");
    expect(artifactDigests(directory)).toEqual([digest]);
    expect(unfinishedArtifacts(directory)).toEqual([]);
  });

  test("is not there before it is made, whatever lies in the folder", async () => {
    const directory = freshFolder();
    expect(await storeIn(directory).find(digest)).toBeNull();
    expect(artifactDigests(directory)).toEqual([]);
    mkdirSync(join(directory, "notes"), { recursive: true });
    expect(artifactDigests(directory)).toEqual([]);
    await expect(storeIn(directory).find("../outside")).rejects.toThrow("not a sha256");
  });

  test.each([
    [
      "a file that was changed",
      (folder: string) => writeFileSync(join(folder, "deep/weights.bin"), "w3ights"),
    ],
    ["a file that is gone", (folder: string) => rmSync(join(folder, "deep/weights.bin"))],
    ["a file too many", (folder: string) => writeFileSync(join(folder, "more"), "")],
    ["no digest list", (folder: string) => rmSync(join(folder, "digests.json"))],
    [
      "another artifact.json",
      (folder: string) => writeFileSync(join(folder, "artifact.json"), "{}"),
    ],
  ])("with %s is made again, and that is told", async (_, damage) => {
    const directory = freshFolder();
    const { artifact } = await storeIn(directory).obtain(wanted, making("weights"), observer());
    damage(artifact.folder);
    await expect(storeIn(directory).find(digest)).rejects.toThrow(artifact.folder);
    const watching = observer();
    const again = await storeIn(directory).obtain(wanted, making("weights"), watching);
    expect(again.reused).toBe(false);
    expect(watching.said).toHaveLength(1);
    expect(watching.said[0]).toContain(artifact.folder);
    expect(await storeIn(directory).find(digest)).toEqual(again.artifact);
  });

  test("that could not be made leaves nothing, and the next one makes it", async () => {
    const directory = freshFolder();
    const store = storeIn(directory);
    const failing: ArtifactBuild = async (folder) => {
      writeFileSync(join(folder, "half"), "");
      throw new Error("it diverged");
    };
    await expect(store.obtain(wanted, failing, observer())).rejects.toThrow("it diverged");
    expect(unfinishedArtifacts(directory)).toEqual([]);
    expect((await store.obtain(wanted, making("weights"), observer())).reused).toBe(false);
  });

  test("is not kept where the maker tells of other files than it wrote", async () => {
    const directory = freshFolder();
    const make: ArtifactBuild = async (folder) => {
      writeFileSync(join(folder, "written"), "");
      return { files: { told: sha256Of("") }, bytes: 0, seconds: 0, result: {} };
    };
    await expect(storeIn(directory).obtain(wanted, make, observer())).rejects.toThrow("told");
    expect(artifactDigests(directory)).toEqual([]);
  });

  test("that two of one process want at once is made once", async () => {
    const store = storeIn(freshFolder());
    const make = making("weights");
    const slow: ArtifactBuild = async (folder) => {
      await turn();
      return make(folder);
    };
    const both = await Promise.all([1, 2, 3].map(() => store.obtain(wanted, slow, observer())));
    expect(both.map(({ reused }) => reused).sort()).toEqual([false, true, true]);
    expect(make.times()).toBe(1);
  });

  test("is made anew by a fresh run, and stays what it is where the same comes out", async () => {
    const directory = freshFolder();
    await storeIn(directory).obtain(wanted, making("weights"), observer());
    const { ino } = statSync(join(directory, digest));
    const same = making("weights");
    const again = await storeIn(directory, true).obtain(wanted, same, observer());
    expect([again.reused, same.times()]).toEqual([false, 1]);
    expect(statSync(join(directory, digest)).ino).toBe(ino);
    await storeIn(directory, true).obtain(wanted, making("others"), observer());
    expect(readFileSync(join(directory, digest, "deep/weights.bin"), "utf8")).toBe("others");
    expect(unfinishedArtifacts(directory)).toEqual([]);
  });

  test("is removed, but not while it is made", async () => {
    const directory = freshFolder();
    const store = storeIn(directory);
    const make: ArtifactBuild = async (folder) => {
      expect(() => removeArtifact(directory, digest, now)).toThrow("there is no artifact");
      return making("weights")(folder);
    };
    await store.obtain(wanted, make, observer());
    removeArtifact(directory, digest, now);
    expect(artifactDigests(directory)).toEqual([]);
    expect(() => removeArtifact(directory, digest, now)).toThrow("there is no artifact");
  });

  test("that finds the disk full is refused, and nothing is left of it", async () => {
    const directory = freshFolder();
    diskIsFull = false;
    const make: ArtifactBuild = async (folder) => {
      const built = await making("weights")(folder);
      diskIsFull = true;
      return built;
    };
    const store = storeIn(directory);
    const refused = store.obtain(wanted, make, observer());
    await expect(refused).rejects.toMatchObject({
      reason: "space",
      message: expect.stringContaining("the disk is full"),
    });
    diskIsFull = false;
    expect(unfinishedArtifacts(directory)).toEqual([]);
    // Its lock could not be given free either; it is, once there is room again.
    expect((await store.obtain(wanted, making("w"), observer())).reused).toBe(false);
  });
});

describe("prompt scores", () => {
  const scores = [{ name: "reward", scores: Float32Array.from([0.1, -2, 3e-20]) }];
  const facts = { name: "train", inputs: {} };

  test("come back to the last bit", () => {
    const directory = freshFolder();
    expect(storeIn(directory).promptScores(digest)).toBeNull();
    storeIn(directory).keepPromptScores(digest, scores, facts);
    expect(storeIn(directory).promptScores(digest)).toEqual(scores);
    expect(storeIn(directory, true).promptScores(digest)).toBeNull();
  });

  test("that may not be written are refused with the folder's name", () => {
    const directory = freshFolder();
    mkdirSync(directory, { mode: 0o500 });
    giveAway(root, directory);
    const keep = () => storeIn(directory).keepPromptScores(digest, scores, facts);
    expect(() => withoutPrivileges(keep)).toThrow(
      expect.objectContaining({
        reason: "permission",
        message: expect.stringContaining(directory),
      }),
    );
  });

  test("that have changed are refused, and can be written again", () => {
    const directory = freshFolder();
    storeIn(directory).keepPromptScores(digest, scores, facts);
    const path = join(directory, digest, "scores.json");
    writeFileSync(path, readFileSync(path, "utf8").replace("reward", "rewasd"));
    expect(() => storeIn(directory).promptScores(digest)).toThrow(`${path} has changed`);
    storeIn(directory).keepPromptScores(digest, scores, facts);
    expect(storeIn(directory).promptScores(digest)).toEqual(scores);
  });
});

describe("processes", () => {
  let program: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    const outDir = join(root, "built");
    await build({
      root: fileURLToPath(new URL("../../", import.meta.url)),
      configFile: false,
      logLevel: "error",
      ssr: { noExternal: true },
      build: {
        ssr: fileURLToPath(new URL("maker.ts", import.meta.url)),
        outDir,
        emptyOutDir: true,
        minify: false,
      },
    });
    const [file] = readdirSync(outDir).filter((name) => name.startsWith("maker."));
    program = join(outDir, file!);
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  function maker(directory: string) {
    const child = spawn(process.execPath, [program, directory, digest], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.push(child);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const exited = new Promise<void>((resolve) => child.on("close", () => resolve()));
    return {
      child,
      exited,
      line: async () => String((await lines.next()).value),
      tell: (text: string) => child.stdin.write(`${text}\n`),
    };
  }

  test("that want the same at once: one makes it, the other waits and takes it", async () => {
    const directory = freshFolder();
    const first = maker(directory);
    expect(await first.line()).toBe("making");
    const second = maker(directory);
    expect(await second.line()).toContain(`waiting for process ${first.child.pid} on `);
    first.tell("all of it");
    const { pid } = first.child;
    expect(JSON.parse(await first.line())).toEqual({ reused: false, maker: pid });
    expect(JSON.parse(await second.line())).toEqual({ reused: true, maker: pid });
    await Promise.all([first.exited, second.exited]);
    expect(unfinishedArtifacts(directory)).toEqual([]);
  });

  test("a killed maker's work is taken up by the one that waited, from the start", async () => {
    const directory = freshFolder();
    const first = maker(directory);
    expect(await first.line()).toBe("making");
    const second = maker(directory);
    expect(await second.line()).toContain("waiting");
    first.child.kill("SIGKILL");
    await first.exited;
    expect(await second.line()).toBe("making");
    second.tell("all of it");
    const { pid } = second.child;
    expect(JSON.parse(await second.line())).toEqual({ reused: false, maker: pid });
    await second.exited;
    expect(readFileSync(join(directory, digest, "half.bin"), "utf8")).toBe("all of it");
  });

  test("what a killed maker left goes when another artifact is made", async () => {
    const directory = freshFolder();
    const first = maker(directory);
    expect(await first.line()).toBe("making");
    const alive = storeIn(directory);
    const other = { ...wanted, digest: "e".repeat(64) };
    await alive.obtain(other, making("weights"), observer());
    expect(unfinishedArtifacts(directory)).toEqual([`${digest}.partial`]);
    first.child.kill("SIGKILL");
    await first.exited;
    await alive.obtain({ ...wanted, digest: "f".repeat(64) }, making("weights"), observer());
    expect(unfinishedArtifacts(directory)).toEqual([]);
    expect(existsSync(join(directory, digest))).toBe(false);
  });
});
