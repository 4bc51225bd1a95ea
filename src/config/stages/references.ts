/** `stage:NAME`: a value of a key that names a model, which stands for a stage's result. */
import type { StageConfig } from "../schema/stages.js";

const prefix = "stage:";

/** Keys whose value names a model. */
const modelKeys: ReadonlySet<string> = new Set(["model", "judge", "expert", "anti_expert"]);

/** @returns name of the stage; null: the value names no stage */
export function stageNamed(value: unknown): string | null {
  return typeof value === "string" && value.startsWith(prefix) ? value.slice(prefix.length) : null;
}

export interface StageReference {
  /** Key path of the value. */
  readonly path: readonly string[];
  /** Of the stage. */
  readonly name: string;
}

/** Every value of a tree that names a stage, in reading order. */
export function stageReferences(tree: unknown, path: readonly string[] = []): StageReference[] {
  if (typeof tree !== "object" || tree === null) {
    return [];
  }
  return Object.entries(tree).flatMap(([key, value]): StageReference[] => {
    const name = modelKeys.has(key) ? stageNamed(value) : null;
    return name === null
      ? stageReferences(value, [...path, key])
      : [{ path: [...path, key], name }];
  });
}

/** The same tree with every value that names a stage replaced. */
export function withStagesReplaced<Tree>(tree: Tree, folder: (name: string) => string): Tree {
  if (Array.isArray(tree)) {
    return tree.map((item) => withStagesReplaced(item, folder)) as Tree;
  }
  // Bytes and other objects of a class are no part of the tree.
  if (
    typeof tree !== "object" ||
    tree === null ||
    Object.getPrototypeOf(tree) !== Object.prototype
  ) {
    return tree;
  }
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => {
      const name = modelKeys.has(key) ? stageNamed(value) : null;
      return [key, name === null ? withStagesReplaced(value, folder) : folder(name)];
    }),
  ) as Tree;
}

/** The stage whose model a stage goes on from; null: it goes on from none. */
export function baseStage({ base }: Pick<StageConfig, "base">): string | null {
  return stageNamed("model" in base ? base.model : null);
}

/**
 * These stages and those that they go on from, each after its base.
 *
 * @throws {RangeError} a name is no stage, or they form a circle: the configuration was not checked
 */
export function inBuildOrder(
  stages: Readonly<Record<string, Pick<StageConfig, "base">>>,
  names: Iterable<string>,
): string[] {
  const ordered: string[] = [];
  const visit = (name: string, above: readonly string[]): void => {
    const stage = Object.hasOwn(stages, name) ? stages[name] : undefined;
    if (stage === undefined || above.includes(name)) {
      throw new RangeError(`stage ${name} is not there, or goes on from itself`);
    }
    const base = baseStage(stage);
    if (base !== null) visit(base, [...above, name]);
    if (!ordered.includes(name)) ordered.push(name);
  };
  for (const name of names) visit(name, []);
  return ordered;
}
