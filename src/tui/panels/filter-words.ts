/** Every word of the filter is somewhere in the text, whatever the case; an empty filter fits all. */
export function matchesWords(text: string, filter: string): boolean {
  const lower = text.toLowerCase();
  return wordsOf(filter).every((word) => lower.includes(word.toLowerCase()));
}

export function wordsOf(filter: string): string[] {
  return filter.split(/\s+/).filter((word) => word !== "");
}
