/** An entry of the manifest that several trials share. */
export interface SharedEntry {
  readonly trials: readonly string[];
}

/** The entry added; or, where there is one that differs in nothing else, its trials added to that. */
export function withUser<T extends SharedEntry>(entries: readonly T[], added: T): T[] {
  const content = contentOf(added);
  const same = entries.find((entry) => contentOf(entry) === content);
  if (same === undefined) {
    return [...entries, added];
  }
  const trials = [...new Set([...same.trials, ...added.trials])];
  return entries.map((entry) => (entry === same ? { ...same, trials } : entry));
}

function contentOf(entry: SharedEntry): string {
  return JSON.stringify({ ...entry, trials: null });
}
