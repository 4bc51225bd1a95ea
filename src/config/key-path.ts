/**
 * Configuration trees of plain values, and key paths such as `risk.alpha` in them. A part that is a
 * whole number stands for an element of a list: `reward.0.weight`.
 */

export type Tree = { readonly [key: string]: unknown };
export type KeyPath = readonly string[];

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a part of a path stands for an element of a list. */
export function isIndex(key: PropertyKey): boolean {
  return /^(0|[1-9]\d*)$/.test(String(key));
}

/** Own properties only: `constructor` is no configuration key. */
export function valueAtKey(tree: unknown, path: KeyPath): unknown {
  let value = tree;
  for (const key of path) {
    const inList = Array.isArray(value) && isIndex(key);
    if (!(isTree(value) || inList) || !Object.hasOwn(value as object, key)) return undefined;
    value = (value as Tree)[key];
  }
  return value;
}

/**
 * A copy of the tree with one value set. An element that a list has is replaced in it; anything else
 * on the way that is not a tree gives way to one.
 */
export function withValueAt(tree: unknown, path: KeyPath, value: unknown): Tree {
  return withValue(tree, path, value) as Tree;
}

function withValue(tree: unknown, path: KeyPath, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) throw new Error("an empty key path");
  if (Array.isArray(tree) && isIndex(key) && Number(key) < tree.length) {
    const child: unknown = tree[Number(key)];
    return tree.with(Number(key), rest.length === 0 ? value : withValue(child, rest, value));
  }
  const base = isTree(tree) ? tree : {};
  const child = Object.hasOwn(base, key) ? base[key] : undefined;
  return { ...base, [key]: rest.length === 0 ? value : withValue(child, rest, value) };
}

/** Every value that is no tree (or an empty one), with its path. */
export function leaves(tree: Tree, path: KeyPath = []): [KeyPath, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [KeyPath, unknown][] => {
    const here = [...path, key];
    return isTree(value) && Object.keys(value).length > 0 ? leaves(value, here) : [[here, value]];
  });
}

/** As `leaves`, and every value inside lists of trees: `reward.0.weight`. */
export function leavesInLists(tree: Tree): [KeyPath, unknown][] {
  return leaves(tree).flatMap(([path, value]): [KeyPath, unknown][] =>
    Array.isArray(value) && value.length > 0 && value.every(isTree)
      ? leavesInLists({ ...value }).map(([rest, leaf]) => [[...path, ...rest], leaf])
      : [[path, value]],
  );
}

/**
 * Trees are merged key by key, a list element by element with a tree whose keys are places of it;
 * anything else of `over` takes the place of what `under` has.
 */
export function merged(under: Tree, over: Tree): Tree {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    result[key] = isTree(value) ? mergedValue(below, value) : value;
  }
  return result;
}

function mergedValue(below: unknown, value: Tree): unknown {
  if (isTree(below)) return merged(below, value);
  const places = Object.keys(value);
  const fits = Array.isArray(below) && places.length > 0 && places.every(isIndex);
  if (!fits || places.some((place) => Number(place) >= below.length)) return value;
  return below.map((own: unknown, place) => {
    const change = value[place];
    return isTree(own) && isTree(change) ? merged(own, change) : (change ?? own);
  });
}
