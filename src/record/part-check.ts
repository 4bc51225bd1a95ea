/** One part of a run's record, as it is checked: what is sound, and what was found wrong. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkFolder, differs, sha256OfFile } from "./digest-file.js";
import { RecordError } from "./record-error.js";
import { checkedPath } from "./run-paths.js";

export interface Finding {
  /** Relative to the run folder. */
  readonly file: string;
  /** From 1; null: of the file as a whole. */
  readonly line: number | null;
  readonly message: string;
}

export type Part = "manifest" | "journal" | "evaluation" | "episodes" | "checkpoints" | "models";

export class PartCheck {
  readonly findings: Finding[] = [];
  /** So many are as they were written: events of the journal, folders of checkpoints and models. */
  sound = 0;

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
      if (!(error instanceof RecordError)) {
        throw error;
      }
      this.found(file, error.message.replaceAll(join(this.run, "/"), ""));
      return null;
    }
  }

  async file(file: string, sha256: string): Promise<void> {
    await this.attempt(file, async () => {
      const found = await sha256OfFile(join(this.run, file), this.onBytes);
      if (found === sha256) {
        this.sound += 1;
      } else {
        this.found(file, differs(found, sha256));
      }
    });
  }

  /** @param excused it may be missing */
  async folder(path: string, digest: string, excused: boolean): Promise<void> {
    await this.attempt(path, async () => {
      const folder = join(this.run, checkedPath(path));
      if (excused && !existsSync(folder)) {
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
