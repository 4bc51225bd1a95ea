/** Configuration trees of plain values, and key paths such as `risk.alpha` in them. */

export type Tree = { readonly [key: string]: unknown };
export type KeyPath = readonly string[];

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the value is a list with an entry of that number. */
function isEntry(value: unknown, key: string): value is unknown[] {
  return Array.isArray(value) && /^\d+$/.test(key) && Number(key) < value.length;
}

/** Own properties only: `constructor` is no configuration key. Entries of a list go by number. */
export function valueAtKey(tree: unknown, path: KeyPath): unknown {
  let value = tree;
  for (const key of path) {
    if (!isTree(value) && !isEntry(value, key)) return undefined;
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as Tree)[key];
  }
  return value;
}

/** A copy of the tree with one value set; what is no tree on the way, and no list with that entry, is replaced. */
export function withValueAt(tree: unknown, path: KeyPath, value: unknown): Tree {
  const [key, ...rest] = path;
  if (key === undefined) throw new Error("an empty key path");
  if (isEntry(tree, key)) {
    const entry = rest.length === 0 ? value : withValueAt(tree[Number(key)], rest, value);
    return tree.with(Number(key), entry) as unknown as Tree;
  }
  const base = isTree(tree) ? tree : {};
  const child = Object.hasOwn(base, key) ? base[key] : undefined;
  return { ...base, [key]: rest.length === 0 ? value : withValueAt(child, rest, value) };
}

/** Every value that is no tree (or an empty one), with its path. */
export function leaves(tree: Tree, path: KeyPath = []): [KeyPath, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [KeyPath, unknown][] => {
    const here = [...path, key];
    return isTree(value) && Object.keys(value).length > 0 ? leaves(value, here) : [[here, value]];
  });
}

/** Trees are merged key by key; anything else of `over` takes the place of what `under` has. */
export function merged(under: Tree, over: Tree): Tree {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    result[key] = isTree(below) && isTree(value) ? merged(below, value) : value;
  }
  return result;
}
