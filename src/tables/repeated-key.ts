/**
 * The first key that an object of a JSON text has a second time; null: there is none.
 *
 * `JSON.parse` keeps the last of equal keys and says nothing.
 *
 * @param json valid JSON
 */
export function repeatedKey(json: string): { readonly name: string; readonly at: number } | null {
  const objects: Set<string>[] = [];
  const colon = /\s*:/y;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === "{") objects.push(new Set());
    else if (character === "}") objects.pop();
    else if (character === '"') {
      const start = at;
      at = endOfString(json, start);
      colon.lastIndex = at + 1;
      if (!colon.test(json)) continue;
      const name = JSON.parse(json.slice(start, at + 1)) as string;
      const names = objects.at(-1)!;
      if (names.has(name)) return { name, at: start };
      names.add(name);
    }
  }
  return null;
}

/** Not by a regular expression: a long text would be more than its stack holds. */
function endOfString(json: string, start: number): number {
  let end = start;
  let backslashes: number;
  do {
    end = json.indexOf('"', end + 1);
    backslashes = 0;
    while (json[end - 1 - backslashes] === "\\") backslashes += 1;
  } while (backslashes % 2 === 1);
  return end;
}
