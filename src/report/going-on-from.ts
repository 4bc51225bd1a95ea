/**
 * Where a trial goes on, in words that follow "from".
 *
 * @param step iterations of the checkpoint; null: there is none
 */
export function goingOnFrom(step: number | null): string {
  return step === null ? "its start" : `iteration ${step}`;
}
