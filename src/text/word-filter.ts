/**
 * What a search field asks for.
 *
 * @param query words, divided by spaces
 * @returns whether every word is somewhere in the texts, whatever the case
 */
export function wordFilter(query: string): (texts: readonly string[]) => boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return (texts) => {
    const all = texts.join(" ").toLowerCase();
    return words.every((word) => all.includes(word));
  };
}
