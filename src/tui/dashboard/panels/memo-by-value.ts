import { type ComponentType, type MemoExoticComponent, memo } from "react";

/**
 * A panel is drawn anew only when what it shows has changed. Lists are compared by identity, small
 * records (a zoom, a question) by what is in them: those are made anew for every frame.
 */
export function memoByValue<Props extends object>(
  component: ComponentType<Props>,
): MemoExoticComponent<ComponentType<Props>> {
  return memo(component, (before, after) => sameEntries(before, after, sameValue));
}

function sameEntries(
  before: object,
  after: object,
  same: (a: unknown, b: unknown) => boolean,
): boolean {
  const [old, now] = [Object.entries(before), Object.entries(after)];
  return (
    old.length === now.length &&
    old.every(([name, value]) => same(value, (after as Readonly<Record<string, unknown>>)[name]))
  );
}

function sameValue(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || (isRecord(a) && isRecord(b) && sameEntries(a, b, Object.is));
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
