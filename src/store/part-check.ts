/** One part of a run's record, as it is checked: what is sound, and what was found wrong. */
import { existsSync, lstatSync } from "node:fs";
import { basename, join } from "node:path";
import { RecordError } from "../system/record-error.js";
import { sha256OfFile } from "../system/sha256.js";
import { readDigestList } from "./digest-list.js";
import { checkFolder, differs } from "./digests.js";
import { checkedPath } from "./paths.js";

export interface FileFinding {
  /** Relative to the run folder. */
  readonly file: string;
  /** From 1; null: of the file as a whole. */
  readonly line: number | null;
  readonly message: string;
}

export type Part =
  | "lock"
  | "manifest"
  | "journal"
  | "evaluation"
  | "episodes"
  | "completions"
  | "checkpoints"
  | "models"
  | "samples"
  | "reports";

export class PartCheck {
  readonly findings: FileFinding[] = [];
  /** So many are as they were written: events of the journal, folders of checkpoints and models. */
  sound = 0;
  /** Files that nothing vouches for: a former version wrote them, or they were being written. */
  readonly unchecked: string[] = [];

  constructor(
    private readonly run: string,
    readonly part: Part,
    readonly onBytes: (bytes: number) => void,
  ) {}

  found(file: string, message: string, line: number | null = null): void {
    this.findings.push({ file, line, message });
  }

  /** @returns null: what was read is no record, which is now a finding of the file */
  async attempt<Result>(file: string, read: () => Promise<Result>): Promise<Result | null> {
    try {
      return await read();
    } catch (error) {
      // Nothing of another version's record can be judged by this one.
      if (!(error instanceof RecordError) || error.reason === "version") {
        throw error;
      }
      this.found(file, error.message.replaceAll(join(this.run, "/"), ""));
      return null;
    }
  }

  /** @param words how it differs from what was written */
  async file(file: string, sha256: string, words = differs): Promise<void> {
    await this.attempt(file, async () => {
      const found = await sha256OfFile(join(this.run, file), this.onBytes);
      if (found === sha256) {
        this.sound += 1;
      } else {
        this.found(file, words(found, sha256));
      }
    });
  }

  /** Files of one folder, and the list of their digests beside them. */
  async listed(list: string, files: readonly string[]): Promise<void> {
    if (!existsSync(join(this.run, list))) {
      this.unchecked.push(...files.filter((file) => existsSync(join(this.run, file))));
      return;
    }
    const names = files.map((file) => basename(file));
    const digests = await this.attempt(list, async () =>
      readDigestList(join(this.run, list), names, this.onBytes),
    );
    // Nothing vouches for the list itself.
    const words = (found: string, wanted: string) =>
      `its sha256 is ${found}; ${list} records ${wanted}: one of the two files has changed`;
    for (const [at, sha256] of (digests ?? []).entries()) {
      await this.file(files[at]!, sha256, words);
    }
  }

  /** @param excused it may be missing */
  async folder(path: string, digest: string, excused: boolean): Promise<void> {
    await this.attempt(path, async () => {
      const folder = join(this.run, checkedPath(path));
      if (excused && !existsSync(folder)) {
        return;
      }
      if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) {
        this.found(path, "it is a link; expected a folder");
        return;
      }
      const { findings } = await checkFolder(folder, digest, this.onBytes);
      for (const { file, message } of findings) {
        this.found(`${path}/${file}`, message);
      }
      this.sound += findings.length === 0 ? 1 : 0;
    });
  }
}
