/** Artifacts of one test: facts in memory, and what a worker writes in folders of the recorder's. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type {
  ArtifactBuild,
  ArtifactObserver,
  Artifacts,
  ObtainedArtifact,
  PromptScores,
  StoredArtifact,
  WantedArtifact,
} from "../../src/engine/ports.js";
import { RecordError } from "../../src/system/record-error.js";

export class MemoryArtifacts implements Artifacts {
  readonly kept = new Map<string, StoredArtifact>();
  /** By `scores_digest`. */
  readonly scores = new Map<string, PromptScores>();
  /** Digests that are found damaged until they are made again. */
  readonly damaged = new Set<string>();
  /** Process that makes what is wanted, as long as it does; null: none. */
  maker: string | null = null;
  readonly #building = new Map<string, Promise<unknown>>();

  constructor(readonly directory: string) {}

  async find(digest: string): Promise<StoredArtifact | null> {
    if (this.damaged.has(digest)) {
      throw new RecordError("damaged", `${digest} has changed`);
    }
    return this.kept.get(digest) ?? null;
  }

  async obtain(
    wanted: WantedArtifact,
    build: ArtifactBuild,
    observer: ArtifactObserver,
  ): Promise<ObtainedArtifact> {
    const { digest } = wanted;
    while (this.maker !== null) {
      observer.waiting(this.maker);
      await new Promise((resolve) => setImmediate(resolve));
      observer.abandoned.throwIfAborted();
    }
    await this.#building.get(digest)?.catch(() => {});
    if (this.damaged.delete(digest)) {
      observer.damaged(`${digest} has changed`);
      this.kept.delete(digest);
    }
    const kept = this.kept.get(digest);
    if (kept !== undefined) {
      return { artifact: kept, reused: true };
    }
    const folder = mkdtempSync(join(this.directory, "artifact-"));
    const built = build(folder);
    this.#building.set(digest, built);
    const artifact = { ...wanted, ...(await built), folder };
    this.kept.set(digest, artifact);
    return { artifact, reused: false };
  }

  promptScores(digest: string): PromptScores | null {
    return this.scores.get(digest) ?? null;
  }

  keepPromptScores(digest: string, scores: PromptScores): void {
    this.scores.set(digest, scores);
  }
}
