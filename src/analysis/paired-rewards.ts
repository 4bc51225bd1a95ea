/** Two evaluations' rewards, prompt by prompt. */

interface EvaluatedPrompts {
  readonly prompt: readonly number[];
  /** Null: it failed. */
  readonly reward: readonly (number | null)[];
}

/** Places at which both have a reward; null: the prompts are not the same. */
export function pairedPlaces(a: EvaluatedPrompts, b: EvaluatedPrompts): number[] | null {
  return samePrompts(a, b)
    ? [...a.prompt.keys()].filter((at) => a.reward[at] !== null && b.reward[at] !== null)
    : null;
}

export function samePrompts(
  a: Pick<EvaluatedPrompts, "prompt">,
  b: Pick<EvaluatedPrompts, "prompt">,
): boolean {
  return (
    a.prompt.length === b.prompt.length && a.prompt.every((id, place) => id === b.prompt[place])
  );
}
