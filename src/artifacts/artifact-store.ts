/**
 * Results of stages, shared between experiments: a folder per digest of all that a result follows
 * from, so that nothing is made twice.
 *
 *   artifacts/<digest>/           artifact.json  digests.json  and the files that were made
 *   artifacts/<digest>.partial/   is being made, by whoever holds its lock
 *   artifacts/locks/<digest>/     the lock: of two that want the same at once one makes it
 *
 * A folder without a suffix is complete. One whose files do not match their digests is made again.
 */
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type {
  ArtifactBuild,
  ArtifactObserver,
  Artifacts,
  ObtainedArtifact,
  PromptScores,
  StoredArtifact,
  WantedArtifact,
} from "../engine/ports.js";
import {
  abandonFolder,
  completeFolder,
  prepareFolder,
  removeFolder,
  removeTree,
} from "../store/complete-folder.js";
import { checkFolder, readDigests } from "../store/digests.js";
import { holderOfLock, lockFolder, type RunLock } from "../store/run-lock.js";
import { makeFolder, writeDurably } from "../system/durable-files.js";
import { lifeOf } from "../system/processes.js";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";
import { artifactFile, artifactText, readArtifactFile } from "./artifact-file.js";
import { readScores, scoresFile, scoresText } from "./prompt-scores.js";

/** Seconds between two looks at a lock that another holds. */
const lookAgain = 0.5;

const digestName = /^[0-9a-f]{64}$/;
const leftoverName = /^([0-9a-f]{64})\.(partial|removed)$/;

export interface ArtifactStoreOptions {
  /** Make everything anew; what is made is kept for others all the same. */
  readonly fresh: boolean;
  /** The time of day. */
  readonly now: () => Date;
  /** Resolves after so many seconds, or as soon as nobody waits any more. */
  readonly wait: (seconds: number, abandoned: AbortSignal) => Promise<void>;
}

export class ArtifactStore implements Artifacts {
  /** Found intact by this process. */
  readonly #intact = new Set<string>();

  /** Locks of this process that could not be given free. */
  readonly #unreleased = new Map<string, RunLock>();

  /** @param directory absolute path of the folder of all artifacts; made when it is first needed */
  constructor(
    readonly directory: string,
    private readonly options: ArtifactStoreOptions,
  ) {}

  async find(digest: string): Promise<StoredArtifact | null> {
    const folder = this.#folder(digest);
    if (!isThere(folder)) {
      return null;
    }
    if (!this.#intact.has(digest)) {
      const { findings } = await checkFolder(folder, null);
      const [first] = findings;
      if (first !== undefined) {
        throw new RecordError("damaged", `${join(folder, first.file)}: ${first.message}`);
      }
      this.#intact.add(digest);
    }
    const { kind, name, inputs, seconds, bytes, result } = readArtifactFile(folder);
    return { digest, kind, name, inputs, seconds, bytes, result, folder, files: files(folder) };
  }

  async obtain(
    wanted: WantedArtifact,
    build: ArtifactBuild,
    observer: ArtifactObserver,
  ): Promise<ObtainedArtifact> {
    const { digest } = wanted;
    const told = new Set<string>();
    const damaged = (message: string): void => {
      // It is looked at again once the lock is held, and told of once.
      if (!told.has(message)) observer.damaged(message);
      told.add(message);
    };
    if (!this.options.fresh) {
      const found = await this.#sound(digest, damaged);
      if (found !== null) {
        return { artifact: found, reused: true };
      }
    }
    const { lock, waited } = await this.#locked(digest, observer);
    let obtained: ObtainedArtifact;
    try {
      // Whoever held the lock has made it meanwhile, or has failed.
      const made = this.options.fresh && !waited ? null : await this.#sound(digest, damaged);
      obtained =
        made === null
          ? { artifact: await this.#build(wanted, build), reused: false }
          : { artifact: made, reused: true };
    } finally {
      this.#release(digest, lock);
    }
    return obtained;
  }

  promptScores(digest: string): PromptScores | null {
    const folder = this.#folder(digest);
    return this.options.fresh || !isThere(folder) ? null : readScores(folder);
  }

  keepPromptScores(
    digest: string,
    scores: PromptScores,
    facts: Pick<WantedArtifact, "name" | "inputs">,
  ): void {
    const lock = this.#lockNow(digest);
    if (lock === null) {
      // Another writes the very same.
      return;
    }
    try {
      const folder = this.#folder(digest);
      const partial = prepareFolder(folder);
      const text = scoresText(scores);
      writeDurably(join(partial, scoresFile), text);
      this.#complete(folder, partial, {
        ...{ kind: "prompt_scores" as const, digest, ...facts },
        ...{ files: { [scoresFile]: sha256Of(text) }, bytes: text.length },
        ...{ seconds: 0, result: {} },
      });
    } finally {
      this.#release(digest, lock);
    }
  }

  /** One that is damaged is told of, and counts as none. */
  async #sound(digest: string, damaged: (message: string) => void): Promise<StoredArtifact | null> {
    try {
      return await this.find(digest);
    } catch (error) {
      if (!(error instanceof RecordError) || !["damaged", "missing"].includes(error.reason)) {
        throw error;
      }
      damaged(error.message);
      return null;
    }
  }

  async #build(wanted: WantedArtifact, build: ArtifactBuild): Promise<StoredArtifact> {
    const { digest } = wanted;
    this.#sweep(digest);
    const folder = this.#folder(digest);
    const partial = prepareFolder(folder);
    try {
      const built = await build(partial);
      if (this.options.fresh && sameFiles(folder, built.files)) {
        abandonFolder(folder);
      } else {
        this.#complete(folder, partial, { ...wanted, ...built });
      }
    } catch (error) {
      this.#abandon(folder);
      throw error;
    }
    this.#intact.add(digest);
    const facts = readArtifactFile(folder);
    const { kind, name, inputs, seconds, bytes, result } = facts;
    return { digest, kind, name, inputs, seconds, bytes, result, folder, files: files(folder) };
  }

  #complete(
    folder: string,
    partial: string,
    made: WantedArtifact & Awaited<ReturnType<ArtifactBuild>>,
  ): void {
    const { kind, name, digest, inputs, bytes, seconds, result } = made;
    const created = this.options.now().toISOString();
    const text = artifactText({ kind, name, digest, inputs, created, bytes, seconds, result });
    writeDurably(join(partial, artifactFile), text);
    completeFolder(folder, { ...made.files, [artifactFile]: sha256Of(text) });
  }

  /** What could not be finished is of no use; that it stays is no failure of its own. */
  #abandon(folder: string): void {
    try {
      abandonFolder(folder);
    } catch {
      // The next who makes an artifact removes it.
    }
  }

  async #locked(
    digest: string,
    { waiting, abandoned }: ArtifactObserver,
  ): Promise<{ readonly lock: RunLock; readonly waited: boolean }> {
    for (let waited = false; ; waited = true) {
      const lock = this.#lockNow(digest);
      if (lock !== null) {
        return { lock, waited };
      }
      const holder = holderOfLock(this.#lock(digest));
      if (holder !== null) {
        waiting(`process ${holder.pid} on ${holder.host}`);
        await this.options.wait(lookAgain, abandoned);
      }
      if (abandoned.aborted) {
        throw new Error(`waiting for the artifact ${digest} was abandoned`);
      }
    }
  }

  /**
   * @returns null: another holds it
   * @throws {RecordError} `locked`: it cannot be told whether the one that took it still lives
   */
  #lockNow(digest: string): RunLock | null {
    const folder = this.#lock(digest);
    this.#unreleased.get(digest)?.release();
    this.#unreleased.delete(digest);
    try {
      makeFolder(this.directory);
      return lockFolder(folder, `the artifact ${this.#folder(digest)}`, this.options.now);
    } catch (error) {
      if (!(error instanceof RecordError) || error.reason !== "locked") {
        throw error;
      }
      const holder = holderOfLock(folder);
      if (holder !== null && lifeOf(holder) === "unknown") {
        throw error;
      }
      return null;
    }
  }

  /** On a full disk it cannot be: then it ends with this process, or as soon as it is wanted again. */
  #release(digest: string, lock: RunLock): void {
    try {
      lock.release();
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      this.#unreleased.set(digest, lock);
    }
  }

  /** Removes what makers that died have left of other artifacts. */
  #sweep(own: string): void {
    for (const { name } of entriesOf(this.directory)) {
      const [, digest] = leftoverName.exec(name) ?? [];
      if (digest === undefined || digest === own) continue;
      try {
        const lock = this.#lockNow(digest);
        if (lock === null) continue;
        try {
          removeTree(join(this.directory, name));
        } finally {
          this.#release(digest, lock);
        }
      } catch (error) {
        // Left of another's work: it costs space, not this one.
        if (!(error instanceof RecordError)) throw error;
      }
    }
  }

  #lock(digest: string): string {
    return join(this.directory, "locks", checkedDigest(digest));
  }

  #folder(digest: string): string {
    return join(this.directory, checkedDigest(digest));
  }
}

/**
 * Removes an artifact for good.
 *
 * @throws {RecordError} `locked`: it is being made · `missing`: there is none
 */
export function removeArtifact(directory: string, digest: string, now: () => Date): void {
  const folder = join(directory, checkedDigest(digest));
  if (!isThere(folder)) {
    throw new RecordError("missing", `there is no artifact ${folder}`);
  }
  const lock = lockFolder(join(directory, "locks", digest), `the artifact ${folder}`, now);
  try {
    removeFolder(folder);
  } catch (error) {
    lock.abandon();
    throw error;
  }
  lock.release();
}

/**
 * Digests of all complete artifacts, in no order.
 *
 * @throws {RecordError} the folder cannot be read; a missing one has none
 */
export function artifactDigests(directory: string): string[] {
  return entriesOf(directory).flatMap((entry) =>
    entry.isDirectory() && digestName.test(entry.name) ? [entry.name] : [],
  );
}

/** Bytes of what makers that died, or are at work, have written so far. */
export function unfinishedArtifacts(directory: string): string[] {
  return entriesOf(directory).flatMap(({ name }) => (leftoverName.test(name) ? [name] : []));
}

function entriesOf(directory: string): Dirent[] {
  try {
    return isThere(directory) ? readdirSync(directory, { withFileTypes: true }) : [];
  } catch (error) {
    throw recordError(`cannot read ${directory}`, error);
  }
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    const wrapped = recordError(`cannot read ${path}`, error);
    if (wrapped.reason === "missing") return false;
    throw wrapped;
  }
}

/** Of the files that were made; a folder that is not whole has other ones. */
function sameFiles(folder: string, made: Readonly<Record<string, string>>): boolean {
  try {
    const there = isThere(folder) ? files(folder) : {};
    const names = Object.keys(there);
    return (
      names.length === Object.keys(made).length && names.every((name) => there[name] === made[name])
    );
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return false;
  }
}

function files(folder: string): Record<string, string> {
  const { [artifactFile]: _, ...made } = readDigests(folder);
  return made;
}

function checkedDigest(digest: string): string {
  if (!digestName.test(digest)) {
    throw new RecordError("name", `${JSON.stringify(digest)} is not a sha256 in hexadecimal`);
  }
  return digest;
}
