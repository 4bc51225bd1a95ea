/** The `{names}` that a worker spec may use in its arguments and environment. */

export const PLACEHOLDERS = ["python", "endpoint", "session", "root", "keys"] as const;

export type Placeholders = Readonly<Record<(typeof PLACEHOLDERS)[number], string>>;

const PATTERN = /\{([a-z_]+)\}/g;

/** Placeholders of a text that nothing will fill, braces included. */
export function unknownPlaceholders(text: string): string[] {
  return [...text.matchAll(PATTERN)]
    .filter(([, name]) => !(PLACEHOLDERS as readonly string[]).includes(name!))
    .map(([placeholder]) => placeholder);
}

/** The text with every placeholder filled; unknown ones were refused with the spec. */
export function filled(text: string, values: Placeholders): string {
  return text.replaceAll(PATTERN, (placeholder, name: string) =>
    Object.hasOwn(values, name) ? values[name as keyof Placeholders] : placeholder,
  );
}
