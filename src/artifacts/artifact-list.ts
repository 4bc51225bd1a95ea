/** The artifacts of a folder, each in one line: what it is, and how large. */
import { join } from "node:path";
import { folderBytes } from "../store/remove-run.js";
import { RecordError } from "../system/record-error.js";
import { type ArtifactFacts, readArtifactFile } from "./artifact-file.js";
import { artifactDigests } from "./artifact-store.js";

export interface ListedArtifact {
  readonly digest: string;
  /** Absolute path. */
  readonly folder: string;
  /** Of all its files. */
  readonly bytes: number;
  /** Null: it does not tell, and `damaged` says why. */
  readonly facts: ArtifactFacts | null;
  readonly damaged: string | null;
}

/**
 * The newest first; those that do not tell what they are last. Files are not compared with their
 * digests: whoever uses one does that.
 *
 * @throws {RecordError} the folder cannot be read; a missing one has none
 */
export function listArtifacts(directory: string): ListedArtifact[] {
  const created = ({ facts }: ListedArtifact) => facts?.created ?? "";
  return artifactDigests(directory)
    .map((digest): ListedArtifact => {
      const folder = join(directory, digest);
      const listed = { digest, folder, bytes: folderBytes(folder) };
      try {
        return { ...listed, facts: readArtifactFile(folder), damaged: null };
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        return { ...listed, facts: null, damaged: error.message };
      }
    })
    .sort((a, b) => (created(a) < created(b) ? 1 : created(a) > created(b) ? -1 : 0));
}
